package dev.gyre.coordinator;

import java.time.Duration;

/**
 * What a plan predicts of a run's durations. Timeouts follow from it.
 *
 * @param step one optimizer step; zero if nothing is predicted
 * @param save writing one checkpoint
 * @param ready timeout from the plan to the last worker's ready: loading or initialising weights
 * @param stall timeout of a rank that makes no progress
 */
public record PlannedTimes(Duration step, Duration save, Duration ready, Duration stall) {
  public PlannedTimes {
    if (step.isNegative() || save.isNegative() || !ready.isPositive() || !stall.isPositive()) {
      throw new IllegalArgumentException(
          "step %s, save %s, ready %s and stall %s: the first two must not be negative, the others positive"
              .formatted(step, save, ready, stall));
    }
  }
}
