package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.ScheduleKind;
import dev.gyre.partitioning.schedule.TileGrid;
import java.util.List;

/**
 * Picks, per row, the schedule with the shortest predicted time. A schedule that needs more memory
 * than the first one is taken only if it is faster by {@value #LEAST_GAIN_PERMILLE} thousandths,
 * the accuracy of the prediction. A pure function of the plan's frozen rates and the row, so that
 * all ranks, and a resumed run, make the same choice.
 */
final class AutoSchedule implements ScheduleKind {
  private static final long LEAST_GAIN_PERMILLE = 10;

  private final List<ScheduleKind> candidates;
  private final ScheduleClock clock;

  /**
   * @param candidates schedules that support the rows' layout, the one with the least memory first
   */
  AutoSchedule(List<ScheduleKind> candidates, ScheduleClock clock) {
    this.candidates = List.copyOf(candidates);
    this.clock = clock;
  }

  /** Another schedule replaces the first only if its time is below this. */
  static long clearlyFaster(long micros) {
    return micros - micros * LEAST_GAIN_PERMILLE / 1000;
  }

  @Override
  public String key() {
    return "auto";
  }

  @Override
  public List<LayoutKind> layouts() {
    return candidates.getFirst().layouts();
  }

  @Override
  public boolean computes(AttentionMask mask) {
    return candidates.stream().allMatch(candidate -> candidate.computes(mask));
  }

  @Override
  public AttentionSchedule schedule(TileGrid grid) {
    AttentionSchedule best = candidates.getFirst().schedule(grid);
    if (!clock.known() || grid.ring() == 1) {
      return best;
    }
    long least = clearlyFaster(clock.micros(best));
    for (ScheduleKind candidate : candidates.subList(1, candidates.size())) {
      AttentionSchedule schedule = candidate.schedule(grid);
      long micros = clock.micros(schedule);
      if (micros < least) {
        least = micros;
        best = schedule;
      }
    }
    return best;
  }

  /** The choice of {@link #schedule} between schedules whose times are known: its index. */
  static int fastest(long[] micros) {
    int best = 0;
    long least = clearlyFaster(micros[0]);
    for (int i = 1; i < micros.length; i++) {
      if (micros[i] < least) {
        least = micros[i];
        best = i;
      }
    }
    return best;
  }
}
