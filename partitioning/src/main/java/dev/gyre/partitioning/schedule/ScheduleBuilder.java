package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import java.util.ArrayList;
import java.util.List;

/**
 * Builds the programs of all ranks. A message is added once for both of its ends, in the same step
 * of both, so sends and receives always match.
 */
final class ScheduleBuilder {
  private final int ring;
  private final int steps;
  private final List<List<Message>> sends = new ArrayList<>();
  private final List<List<Message>> receives = new ArrayList<>();
  private final List<List<Work>> works = new ArrayList<>();
  private int used;

  /**
   * @param steps maximum number of steps; unused steps at the end are dropped
   */
  ScheduleBuilder(int ring, int steps) {
    this.ring = ring;
    this.steps = steps;
    for (int i = 0; i < ring * steps; i++) {
      sends.add(new ArrayList<>());
      receives.add(new ArrayList<>());
      works.add(new ArrayList<>());
    }
  }

  /**
   * Adds a message with an owner's item from one rank to another; none if there are no rows to
   * send.
   */
  void send(int step, Item item, int owner, int from, int to, Rows rows) {
    if (!rows.isEmpty()) {
      sends.get(at(step, from)).add(new Message(item, owner, to, rows.runs()));
      receives.get(at(step, to)).add(new Message(item, owner, from, rows.runs()));
    }
  }

  void work(int step, int rank, Work work) {
    works.get(at(step, rank)).add(work);
  }

  private int at(int step, int rank) {
    used = Math.max(used, step + 1);
    return step * ring + rank;
  }

  List<Program> programs() {
    List<Program> programs = new ArrayList<>(ring);
    for (int rank = 0; rank < ring; rank++) {
      List<Step> own = new ArrayList<>(steps);
      for (int step = 0; step < used; step++) {
        int at = step * ring + rank;
        own.add(new Step(sends.get(at), receives.get(at), works.get(at)));
      }
      programs.add(new Program(own));
    }
    return programs;
  }
}
