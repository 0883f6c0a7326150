package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Builds the programs of all ranks. A message is added once for both of its ends, in the same step
 * of both, so sends and receives always match. All programs have as many steps as the longest.
 */
final class ScheduleBuilder {
  private static final Step NOTHING = new Step(List.of(), List.of(), List.of());

  /** By rank, as far as its last step that has something to do. */
  private final List<List<@Nullable Parts>> ranks = new ArrayList<>();

  private int steps;

  /** A step in the making. */
  private record Parts(List<Message> sends, List<Message> receives, List<Work> work) {}

  ScheduleBuilder(int ring) {
    for (int rank = 0; rank < ring; rank++) {
      ranks.add(new ArrayList<>());
    }
  }

  /**
   * Adds a message with an owner's item from one rank to another; none if there are no rows to
   * send.
   */
  void send(int step, Item item, int owner, int from, int to, Rows rows) {
    if (!rows.isEmpty()) {
      parts(step, from).sends.add(new Message(item, owner, to, rows.runs()));
      parts(step, to).receives.add(new Message(item, owner, from, rows.runs()));
    }
  }

  /** Adds work; none if there are no tiles. */
  void work(int step, int rank, Work work) {
    if (!work.tiles().isEmpty()) {
      parts(step, rank).work.add(work);
    }
  }

  private Parts parts(int step, int rank) {
    List<@Nullable Parts> own = ranks.get(rank);
    while (own.size() <= step) {
      own.add(null);
    }
    steps = Math.max(steps, step + 1);
    Parts parts = own.get(step);
    if (parts == null) {
      parts = new Parts(new ArrayList<>(1), new ArrayList<>(1), new ArrayList<>(1));
      own.set(step, parts);
    }
    return parts;
  }

  /** At least one step. */
  List<Program> programs() {
    List<Program> programs = new ArrayList<>(ranks.size());
    for (List<@Nullable Parts> parts : ranks) {
      List<Step> own = new ArrayList<>();
      for (Parts part : parts) {
        own.add(part == null ? NOTHING : new Step(part.sends, part.receives, part.work));
      }
      while (own.size() < Math.max(1, steps)) {
        own.add(NOTHING);
      }
      programs.add(new Program(own));
    }
    return programs;
  }
}
