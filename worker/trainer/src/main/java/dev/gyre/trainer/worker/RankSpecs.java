package dev.gyre.trainer.worker;

import dev.gyre.model.Objective;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.ActivationPlan;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.trainer.offload.OffloadSpec;
import dev.gyre.trainer.rank.RankSpec;
import java.nio.file.Path;

/** Converts a plan to the spec of a rank. */
final class RankSpecs {
  private RankSpecs() {}

  /**
   * @param runFolder where activations are offloaded to if the job names no folder
   */
  static RankSpec spec(JobSpec job, Plan plan, Path runFolder) {
    ActivationPlan activations = plan.activations();
    return new RankSpec(
        job.model(),
        plan.mesh(),
        Objective.of(job.train().balanceLoss(), job.train().zLoss()),
        RankSpec.execution(Dtypes.of(plan.dtype()), activations),
        plan.layout(),
        plan.minChunk(),
        plan.rowsPerMicroStep(),
        plan.scheduleKinds(job.model()),
        Math.toIntExact(plan.expertRowsBound()),
        plan.workspaceBytes(),
        activations.offload() ? offload(job, plan, runFolder) : null);
  }

  private static OffloadSpec offload(JobSpec job, Plan plan, Path runFolder) {
    String named = job.train().memory().offloadFolder();
    return new OffloadSpec(named.isEmpty() ? runFolder : Path.of(named), plan.memory().stored());
  }
}
