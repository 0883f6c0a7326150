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
    Choice choice = new Choice(clock.micros(best));
    for (ScheduleKind candidate : candidates.subList(1, candidates.size())) {
      AttentionSchedule schedule = candidate.schedule(grid);
      if (choice.takes(clock.micros(schedule))) {
        best = schedule;
      }
    }
    return best;
  }

  /**
   * Chooses between schedules that come one after the other, the one with the least memory first.
   */
  static final class Choice {
    private long least;

    /**
     * @param micros predicted time of the first; 0 if a rate is unknown, then it stays the choice
     */
    Choice(long micros) {
      least = clearlyFaster(micros);
    }

    /** Whether the next one, of this time, is the choice from now on. */
    boolean takes(long micros) {
      boolean faster = micros < least;
      least = faster ? micros : least;
      return faster;
    }
  }
}
