package dev.gyre.deploy.run;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.Planner;
import dev.gyre.partitioning.plan.ScheduleChoice;

/** Checks that a plan given by the user fits the job. */
public final class GivenPlan {
  private static final String AUTO = MeshSpec.AUTO;

  private GivenPlan() {}

  /**
   * @throws Invalid naming the first contradiction
   */
  public static void check(Plan plan, JobSpec job) {
    Mesh planned = plan.mesh();
    MeshSpec wanted = job.mesh();
    agree("mesh.workers", planned.workers(), wanted.workers());
    agree("mesh.data-parallel", planned.dataParallel(), wanted.dataParallel());
    agree("mesh.ring", planned.ring(), wanted.ring());
    agree("mesh.ulysses", planned.ulysses(), wanted.ulysses());
    agree("mesh.expert-parallel", planned.expertParallel(), wanted.expertParallel());
    agree("mesh.kernel-threads", plan.kernelThreads(), wanted.kernelThreads());
    agree("layout", plan.layout().key(), wanted.layout());
    for (ScheduleChoice choice : plan.schedules()) {
      String asked = wanted.schedule().of(choice.layers());
      String taken = String.join(", ", choice.candidates());
      agree("schedule." + choice.layers().key(), taken, asked);
    }
    agree("backend", plan.backend(), job.backend());
    agree("device", plan.device(), job.device());
    agree("dtype", plan.dtype(), job.train().dtype());
    agree("transport", plan.transport(), job.transport());
    agree("recompute", plan.activations().recompute(), job.train().memory().recompute());
    agree("offload", "" + plan.activations().offload(), job.train().memory().offload());
    int experts = job.model().experts();
    if (plan.experts().experts() != experts) {
      throw new Invalid(
          "plan.experts",
          "the plan is for %d experts, the model has %d. Plan this job: ./gyre plan --json"
              .formatted(plan.experts().experts(), experts));
    }
    long needed = Planner.workspaceBytes(job, plan);
    if (plan.workspaceBytes() < needed) {
      throw new Invalid(
          "plan.workspaceBytes",
          "is %d, this job needs %d on this mesh. Plan this job: ./gyre plan --json"
              .formatted(plan.workspaceBytes(), needed));
    }
    if (plan.workspaceBytes() != plan.memory().workspace()) {
      throw new Invalid(
          "plan.workspaceBytes",
          "is %d, but plan.memory adds up to %d. Plan this job: ./gyre plan --json"
              .formatted(plan.workspaceBytes(), plan.memory().workspace()));
    }
  }

  /** A degree of 0 is chosen by the plan. */
  private static void agree(String what, int planned, int wanted) {
    agree(what, "" + planned, wanted == 0 ? AUTO : "" + wanted);
  }

  private static void agree(String what, String planned, String wanted) {
    if (!wanted.equals(AUTO) && !wanted.equals(planned)) {
      throw new Invalid(
          "plan." + what,
          "'%s' contradicts the job's '%s'; change one of them".formatted(planned, wanted));
    }
  }
}
