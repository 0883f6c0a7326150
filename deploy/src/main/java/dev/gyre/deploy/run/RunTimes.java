package dev.gyre.deploy.run;

import dev.gyre.coordinator.PlannedTimes;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.ModelSize;
import dev.gyre.partitioning.plan.Plan;
import java.time.Duration;

/** How long things take, by the plan: timeouts follow from it. */
final class RunTimes {
  /** Weights and two moments, in f32. */
  private static final long STATE_BYTES = 12;

  /** A slow SSD, written, read back for the checksum, and read again to verify. */
  private static final long SAVED_BYTES_PER_SECOND = 50_000_000;

  /** A slow network file system. */
  private static final long LOADED_BYTES_PER_SECOND = 10_000_000;

  /** Opening devices, mapping memory, compiling kernels. */
  private static final Duration LEAST_READY = Duration.ofMinutes(15);

  /** A step that is much slower than predicted is no hang; the measured step raises this. */
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
