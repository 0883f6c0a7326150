package dev.gyre.deploy.run;

import dev.gyre.partitioning.job.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.Planner;

/** Holds a plan that a person hands in against the job it is to run. */
final class GivenPlan {
  private static final String AUTO = "auto";

  private GivenPlan() {}

  /**
   * @throws Invalid naming the first thing in which they contradict each other
   */
  static void check(Plan plan, JobSpec job) {
    agree("backend", plan.backend(), job.backend());
    agree("device", plan.device(), job.device());
    agree("dtype", plan.dtype(), job.train().dtype());
    agree("transport", plan.transport(), job.transport());
    agree("activations", plan.activations().keep(), job.train().memory().activations());
    agree("offload", "" + plan.activations().offload(), job.train().memory().offload());
    int experts = job.model().numLocalExperts();
    if (plan.experts().experts() != experts) {
      throw new Invalid(
          "plan.experts",
          "it places %d experts, the model has %d; plan this job: ./gyre plan --json"
              .formatted(plan.experts().experts(), experts));
    }
    long needed = Planner.workspaceBytes(job, plan);
    if (plan.workspaceBytes() < needed) {
      throw new Invalid(
          "plan.workspaceBytes",
          "%d are too few for this job, which needs %d on that mesh; plan it: ./gyre plan --json"
              .formatted(plan.workspaceBytes(), needed));
    }
  }

  private static void agree(String what, String planned, String wanted) {
    if (!wanted.equals(AUTO) && !wanted.equals(planned)) {
      throw new Invalid(
          "plan." + what,
          "'%s' contradicts the job's '%s'; change one of them".formatted(planned, wanted));
    }
  }
}
