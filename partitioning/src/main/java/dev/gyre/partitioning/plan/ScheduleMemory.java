package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import dev.gyre.partitioning.schedule.MessageBytes;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Memory for data of other ranks while a schedule runs. An item has a slot from the first step that
 * touches it to the last; a received result has one more until it is added. Slots are reused for
 * the same item only.
 */
public final class ScheduleMemory {
  private ScheduleMemory() {}

  /** Bytes per local row, on the rank and in the half of the schedule that need most. */
  public static long bytesPerRow(AttentionSchedule schedule, MessageBytes bytes) {
    return Math.max(forwardBytesPerRow(schedule, bytes), backwardBytesPerRow(schedule, bytes));
  }

  /**
   * Bytes per local row in a schedule's forward, on the rank that needs most.
   *
   * @param bytes with the heads of one Ulysses rank
   */
  public static long forwardBytesPerRow(AttentionSchedule schedule, MessageBytes bytes) {
    return most(SchedulePass.FORWARD, schedule.forward(), bytes);
  }

  /** The same in its backward. */
  public static long backwardBytesPerRow(AttentionSchedule schedule, MessageBytes bytes) {
    return most(SchedulePass.BACKWARD, schedule.backward(), bytes);
  }

  private static long most(SchedulePass phase, List<Program> programs, MessageBytes bytes) {
    long most = 0;
    for (int rank = 0; rank < programs.size(); rank++) {
      long[] sum = {0};
      slots(phase, programs.get(rank), rank)
          .forEach((item, slots) -> sum[0] += slots * bytes.perRow(item));
      most = Math.max(most, sum[0]);
    }
    return most;
  }

  private record Held(Item item, int owner) {}

  /** First and last step. */
  private record Life(int first, int last) {
    Life until(int step) {
      return new Life(first, step);
    }
  }

  /** Slots of each item that one rank needs. */
  static Map<Item, Integer> slots(SchedulePass phase, Program program, int rank) {
    Map<Held, Life> lives = new HashMap<>();
    Map<Item, int[]> live = new EnumMap<>(Item.class);
    int steps = program.steps().size();
    for (int s = 0; s < steps; s++) {
      Step step = program.steps().get(s);
      for (Message message : step.sends()) {
        use(lives, message.item(), message.owner(), s);
      }
      for (Message message : step.receives()) {
        use(lives, message.item(), message.owner(), s);
        if (phase.results().contains(message.item())) {
          live.computeIfAbsent(message.item(), _ -> new int[steps])[s]++;
        }
      }
      for (Work work : step.work()) {
        if (!work.tiles().isEmpty()) {
          use(lives, phase.queryInput(), work.queryOwner(), s);
          use(lives, Item.KEY_VALUE, work.keyOwner(), s);
          for (Item result : phase.results()) {
            use(
                lives,
                result,
                SchedulePass.ofKeys(result) ? work.keyOwner() : work.queryOwner(),
                s);
          }
        }
      }
    }
    lives.forEach(
        (held, life) -> {
          if (held.owner() != rank) {
            int[] at = live.computeIfAbsent(held.item(), _ -> new int[steps]);
            for (int s = life.first(); s <= life.last(); s++) {
              at[s]++;
            }
          }
        });
    Map<Item, Integer> slots = new EnumMap<>(Item.class);
    live.forEach(
        (item, counts) -> {
          int most = 0;
          for (int count : counts) {
            most = Math.max(most, count);
          }
          slots.put(item, most);
        });
    return slots;
  }

  private static void use(Map<Held, Life> lives, Item item, int owner, int step) {
    Held held = new Held(item, owner);
    Life life = lives.get(held);
    lives.put(held, life == null ? new Life(step, step) : life.until(step));
  }
}
