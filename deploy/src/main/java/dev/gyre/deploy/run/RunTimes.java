package dev.gyre.deploy.run;

import dev.gyre.coordinator.PlannedTimes;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.model.ModelSize;
import dev.gyre.partitioning.plan.Plan;
import java.time.Duration;

/** Expected times from the plan, from which timeouts are derived. */
final class RunTimes {
  /** Weights and two moments, in f32. */
  private static final long STATE_BYTES = 12;

  /**
   * Speed of a slow SSD on which data is written, read for the checksum, and read again to verify.
   */
  private static final long SAVED_BYTES_PER_SECOND = 50_000_000;

  /** Speed of a slow network file system. */
  private static final long LOADED_BYTES_PER_SECOND = 10_000_000;

  /** Time for opening devices, mapping memory and compiling kernels. */
  private static final Duration LEAST_READY = Duration.ofMinutes(15);

  /**
   * A step may take much longer than predicted without being a hang. Measured steps raise the
   * timeout further.
   */
  private static final double STALL_FACTOR = 2.5;

  private RunTimes() {}

  static PlannedTimes of(JobSpec job, Plan plan) {
    long state = Math.multiplyExact(STATE_BYTES, ModelSize.of(job.model()).total());
    return new PlannedTimes(
        Duration.ofNanos(1000 * plan.stepMicros()),
        Duration.ofMillis(1000 * state / SAVED_BYTES_PER_SECOND),
        LEAST_READY.plusSeconds(state / LOADED_BYTES_PER_SECOND),
        Duration.ofNanos((long) (STALL_FACTOR * plan.stallTimeoutNanos())));
  }
}
