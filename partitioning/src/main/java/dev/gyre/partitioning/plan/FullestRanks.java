package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.SequenceLayout;
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
   * @param row whose tokens the ranks hold
   * @param candidates schedules of each mask, for that row or a shorter one
   */
  FullestRanks(
      ModelSpec model,
      Mesh mesh,
      long elementBytes,
      SequenceLayout row,
      Map<AttentionMask, List<AttentionSchedule>> candidates) {
    List<HeadSplit.Part> parts = HeadSplit.of(model.heads().kvHeadOf(), mesh).parts();
    int ulysses = most(parts);
    HeadSplit.Part part = parts.get(ulysses);
    MessageBytes bytes =
        new MessageBytes(
            part.queryHeads(), part.kvHeads(), model.heads().size(), Math.toIntExact(elementBytes));
    int[] tokens = new int[mesh.ring()];
    for (int r = 0; r < tokens.length; r++) {
      tokens[r] = row.tokens(r);
    }
    List<Fullest> all = new ArrayList<>();
    candidates.forEach(
        (mask, own) -> {
          Fullest forward = new Fullest(SchedulePass.FORWARD, bytes, tokens);
          Fullest backward = new Fullest(SchedulePass.BACKWARD, bytes, tokens);
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
    int[] ring = mesh.group(0, Axis.RING);
    ringRanks.forEach(r -> numbers.add(mesh.group(ring[r], Axis.ULYSSES)[ulysses]));
    if (model.linearLayers() > 0) {
      int[] ofRow = mesh.group(0, Axis.RING, Axis.ULYSSES);
      numbers.add(ofRow[ofRow.length - 1]); // receives all states
    }
  }

  /** The Ulysses rank with the most heads; the first has the longest run of query heads. */
  private static int most(List<HeadSplit.Part> parts) {
    int most = 0;
    for (int u = 1; u < parts.size(); u++) {
      if (parts.get(u).queryHeads() == parts.getFirst().queryHeads()
          && parts.get(u).kvHeads() > parts.get(most).kvHeads()) {
        most = u;
      }
    }
    return most;
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
