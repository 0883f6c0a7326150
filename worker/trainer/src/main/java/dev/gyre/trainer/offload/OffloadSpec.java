package dev.gyre.trainer.offload;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.Plan;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where a rank offloads activations.
 *
 * @param folder on a disk; made if it is not there
 * @param expectedBytes predicted peak of a micro-batch; that much free space is required before the
 *     first step
 */
public record OffloadSpec(Path folder, long expectedBytes) {
  public OffloadSpec {
    if (expectedBytes < 0) {
      throw new IllegalArgumentException("offload of " + expectedBytes + " bytes");
    }
  }

  /**
   * Of a plan's ranks; null if nothing is offloaded.
   *
   * @param runFolder used if the job names no folder
   */
  public static @Nullable OffloadSpec of(JobSpec job, Plan plan, Path runFolder) {
    String named = job.train().memory().offloadFolder();
    return plan.activations().offload()
        ? new OffloadSpec(named.isEmpty() ? runFolder : Path.of(named), plan.memory().stored())
        : null;
  }
}
