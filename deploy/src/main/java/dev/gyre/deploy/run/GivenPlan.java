package dev.gyre.deploy.run;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.KeyValue;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.ScheduleChoice;
import dev.gyre.trainer.dryrun.ModelDryRun;
import java.util.Map;
import java.util.Objects;

/** Checks that a plan given by the user fits the job. */
public final class GivenPlan {
  private GivenPlan() {}

  /**
   * @throws Invalid naming the first contradiction
   */
  public static void check(Plan plan, JobSpec job) {
    Map<String, String> decisions = plan.decisions();
    for (KeyValue wanted : KeyValue.of(job)) {
      String open = wanted.key().open();
      if (open != null) {
        String field = wanted.path();
        if (!decisions.containsKey(field)) {
          field = wanted.key().name();
        }
        agree(field, Objects.requireNonNull(decisions.get(field), field), wanted.value(), open);
      }
    }
    for (ScheduleChoice choice : plan.schedules()) {
      String asked = job.mesh().schedule().of(choice.layers());
      String taken = String.join(", ", choice.candidates());
      agree("schedule." + choice.layers().key(), taken, asked, MeshSpec.AUTO);
    }
    int experts = job.model().experts();
    if (plan.experts().experts() != experts) {
      throw new Invalid(
          "plan.experts",
          "the plan is for %d experts, the model has %d. Plan this job: ./gyre plan --json"
              .formatted(plan.experts().experts(), experts));
    }
    if (plan.rowsPerMicroStep() > 1 && job.model().anchor()) {
      throw new Invalid(
          "plan.rowsPerMicroStep",
          "is %d, but rows with an anchor are trained on one at a time. Plan this job: ./gyre plan --json"
              .formatted(plan.rowsPerMicroStep()));
    }
    long needed = ModelDryRun.PLANNER.workspaceBytes(job, plan);
    // Builds differ by a few tensors of 64 bytes, which the reserve of a slab has room for.
    if (plan.workspaceBytes() < needed - needed / 1024) {
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

  /**
   * @param open the job's value that leaves the choice to the plan
   */
  private static void agree(String field, String planned, Object wanted, String open) {
    String asked = wanted.toString();
    if (!asked.equals(open) && !asked.equals(planned)) {
      throw new Invalid(
          "plan." + field,
          "'%s' contradicts the job's '%s'; change one of them".formatted(planned, asked));
    }
  }
}
