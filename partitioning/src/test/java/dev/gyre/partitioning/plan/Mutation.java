package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import dev.gyre.partitioning.schedule.AttentionTile;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** Copies of schedules with one thing changed. */
final class Mutation {
  private Mutation() {}

  static AttentionSchedule step(
      AttentionSchedule schedule, boolean forward, int rank, int step, UnaryOperator<Step> change) {
    List<Program> programs = new ArrayList<>(forward ? schedule.forward() : schedule.backward());
    List<Step> steps = new ArrayList<>(programs.get(rank).steps());
    steps.set(step, change.apply(steps.get(step)));
    programs.set(rank, new Program(steps));
    return forward
        ? new AttentionSchedule(schedule.kind(), programs, schedule.backward())
        : new AttentionSchedule(schedule.kind(), schedule.forward(), programs);
  }

  static UnaryOperator<Step> sends(UnaryOperator<List<Message>> change) {
    return step ->
        new Step(change.apply(new ArrayList<>(step.sends())), step.receives(), step.work());
  }

  static UnaryOperator<Step> receives(UnaryOperator<List<Message>> change) {
    return step ->
        new Step(step.sends(), change.apply(new ArrayList<>(step.receives())), step.work());
  }

  static UnaryOperator<Step> tiles(UnaryOperator<List<AttentionTile>> change) {
    return step -> {
      Work work = step.work().getFirst();
      List<AttentionTile> tiles = change.apply(new ArrayList<>(work.tiles()));
      return new Step(
          step.sends(),
          step.receives(),
          List.of(new Work(work.queryOwner(), work.keyOwner(), tiles)));
    };
  }

  static <T> UnaryOperator<List<T>> without(int index) {
    return list -> {
      list.remove(index);
      return list;
    };
  }

  static <T> UnaryOperator<List<T>> replace(int index, UnaryOperator<T> change) {
    return list -> {
      list.set(index, change.apply(list.get(index)));
      return list;
    };
  }
}
