package dev.gyre.coordinator;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Timeouts of a run that do not follow from its plan ({@link PlannedTimes} do), or that a user has
 * set.
 *
 * @param joinWithin from the opening, and from each worker's hello, to the next one's: starting and
 *     measuring kernels, twice if one is slow
 * @param lease a worker that is silent for this long is lost; heartbeats come every second
 * @param reportStillAfter a rank that enters no new phase for this long is reported, and so are
 *     workers that are awaited before the first step
 * @param verdictWithin how long the first evidence of a failure waits for better evidence of its
 *     cause
 * @param storageStall a rank whose files do not move for this long ends the run: file systems may
 *     hang for many minutes and continue
 * @param stall timeout of a rank that makes no progress; null to follow the plan
 * @param grace from a preemption to the end, checkpoint included; null to follow the run
 */
public record Timing(
    Duration joinWithin,
    Duration lease,
    Duration reportStillAfter,
    Duration verdictWithin,
    Duration storageStall,
    @Nullable Duration stall,
    @Nullable Duration grace) {
  public Timing {
    positive("joinWithin", joinWithin);
    positive("lease", lease);
    positive("reportStillAfter", reportStillAfter);
    positive("verdictWithin", verdictWithin);
    positive("storageStall", storageStall);
    positive("stall", stall);
    positive("grace", grace);
  }

  /**
   * A lease is twenty heartbeats, because a worker on a busy or swapping machine may miss ten.
   * Three seconds are enough for a process to end and its launcher to report it. A file server that
   * is restarted is back within the hour.
   */
  public static Timing defaults() {
    return new Timing(
        Duration.ofSeconds(240),
        Duration.ofSeconds(20),
        Duration.ofSeconds(10),
        Duration.ofSeconds(3),
        Duration.ofHours(1),
        null,
        null);
  }

  /** Several workers that share a core start and measure in turns. */
  public Timing withWorkersPerCore(int workers) {
    return new Timing(
        joinWithin.multipliedBy(Math.max(1, workers)),
        lease,
        reportStillAfter,
        verdictWithin,
        storageStall,
        stall,
        grace);
  }

  /** With what a user has set; null leaves it to the plan. */
  public Timing with(@Nullable Duration newStall, @Nullable Duration newGrace) {
    return new Timing(
        joinWithin, lease, reportStillAfter, verdictWithin, storageStall, newStall, newGrace);
  }

  private static void positive(String name, @Nullable Duration value) {
    if (value != null && !value.isPositive()) {
      throw new IllegalArgumentException(name + " " + value + " is not positive");
    }
  }
}
