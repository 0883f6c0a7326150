package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.HeadSplit;
import dev.gyre.partitioning.schedule.ItemMemory;
import dev.gyre.partitioning.schedule.MessageBytes;
import dev.gyre.partitioning.schedule.SchedulePass;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * The ranks that may need the most memory for a row, and the schedule under which they do: of each
 * mask's candidates the forward pass that needs most, and the backward pass that does.
 */
final class FullestRanks {
  /** A rank that is this near to the fullest stands for it. */
  private static final double NEARLY = 0.999;

  private final Map<AttentionMask, AttentionSchedule> schedules = new HashMap<>();
  private final SortedSet<Integer> numbers = new TreeSet<>();

  /**
   * @param busiest messages with the most heads of both kinds
   * @param tokens of each ring rank
   * @param candidates schedules of each mask
   */
  FullestRanks(
      ModelSpec model,
      Mesh mesh,
      MessageBytes busiest,
      int[] tokens,
      Map<AttentionMask, List<AttentionSchedule>> candidates) {
    List<Fullest> all = new ArrayList<>();
    candidates.forEach(
        (mask, own) -> {
          Fullest forward = new Fullest(SchedulePass.FORWARD, busiest, tokens);
          Fullest backward = new Fullest(SchedulePass.BACKWARD, busiest, tokens);
          own.forEach(schedule -> forward.take(schedule.forward()));
          own.forEach(schedule -> backward.take(schedule.backward()));
          schedules.put(
              mask, new AttentionSchedule("fullest", forward.programs, backward.programs));
          all.addAll(List.of(forward, backward));
        });
    all.sort(Comparator.comparingLong((Fullest f) -> f.most).reversed());
    SortedSet<Integer> ringRanks = new TreeSet<>();
    for (Fullest f : all) {
      if (ringRanks.stream().noneMatch(r -> f.bytesOf[r] >= NEARLY * f.most)) {
        ringRanks.add(f.rank());
      }
    }
    List<Integer> different = different(HeadSplit.of(model.heads().kvHeadOf(), mesh).parts());
    int[] ring = mesh.group(0, Axis.RING);
    for (int r : ringRanks) {
      int[] ofRing = mesh.group(ring[r], Axis.ULYSSES);
      different.forEach(u -> numbers.add(ofRing[u]));
    }
    if (model.linearLayers() > 0) {
      // The last rank receives the states of all others, the first their gradients.
      int[] ofRow = mesh.group(0, Axis.RING, Axis.ULYSSES);
      numbers.add(ofRow[0]);
      numbers.add(ofRow[ofRow.length - 1]);
    }
  }

  /** The first Ulysses rank of each number of heads, but for those with fewer of both kinds. */
  private static List<Integer> different(List<HeadSplit.Part> parts) {
    List<Integer> different = new ArrayList<>();
    for (int u = 0; u < parts.size(); u++) {
      HeadSplit.Part part = parts.get(u);
      boolean covered = false;
      for (int other = 0; other < parts.size() && !covered; other++) {
        HeadSplit.Part larger = parts.get(other);
        boolean same =
            larger.queryHeads() == part.queryHeads() && larger.kvHeads() == part.kvHeads();
        covered =
            larger.queryHeads() >= part.queryHeads()
                && larger.kvHeads() >= part.kvHeads()
                && (!same || other < u);
      }
      if (!covered) {
        different.add(u);
      }
    }
    return different;
  }

  /** The programs that need most, of the candidates' of one pass. */
  private static final class Fullest {
    private final SchedulePass pass;
    private final MessageBytes bytes;
    private final int[] tokens;
    private List<Program> programs = List.of();
    private long[] bytesOf;
    private long most = -1;

    Fullest(SchedulePass pass, MessageBytes bytes, int[] tokens) {
      this.pass = pass;
      this.bytes = bytes;
      this.tokens = tokens;
      this.bytesOf = new long[tokens.length];
    }

    void take(List<Program> candidate) {
      long[] needed = new long[tokens.length];
      for (int r = 0; r < needed.length; r++) {
        needed[r] = new ItemMemory(pass, candidate.get(r), r, tokens).bytes(bytes);
      }
      long own = Arrays.stream(needed).max().orElse(0);
      if (own > most) {
        most = own;
        bytesOf = needed;
        programs = candidate;
      }
    }

    /** The first ring rank that needs most. */
    int rank() {
      int rank = 0;
      while (bytesOf[rank] < most) {
        rank++;
      }
      return rank;
    }
  }

  Map<AttentionMask, AttentionSchedule> schedules() {
    return schedules;
  }

  /** Numbers of the ranks in the mesh. */
  SortedSet<Integer> numbers() {
    return numbers;
  }
}
