package dev.gyre.trainer.worker;

import dev.gyre.model.Execution;
import dev.gyre.model.Objective;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.trainer.rank.RankSpec;

/** A plan in the terms of a rank. */
final class Ranks {
  private Ranks() {}

  static RankSpec spec(JobSpec job, Plan plan) {
    return new RankSpec(
        job.model(),
        plan.mesh(),
        new Objective(job.train().balanceLoss(), job.train().zLoss()),
        Execution.of(Dtypes.of(plan.dtype())),
        plan.layout(),
        plan.minChunk(),
        plan.scheduleKinds(job.model()),
        Math.toIntExact(plan.expertRowsBound()),
        plan.workspaceBytes());
  }
}
