package dev.gyre.deploy.run;

import dev.gyre.deploy.files.PlanFile;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.dryrun.ModelDryRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * A resumed run keeps the rates of its first plan, if the same machine runs the same ranks. New
 * measurements would differ by noise, and could change the schedules of rows or the expert-parallel
 * degree.
 */
final class FrozenRates {
  private FrozenRates() {}

  /**
   * @param fresh the plan from the rates that the workers report
   * @param file plan of the resumed run; ignored if it is missing or unreadable
   * @param note receives the differences from the run's earlier plan
   * @return the plan from the run's own rates, if ranks, backend and threads are the same
   */
  static Plan keep(
      Plan fresh, Path file, JobSpec job, WorkerCapabilities offers, Consumer<String> note)
      throws IOException {
    if (!Files.exists(file)) {
      return fresh;
    }
    Plan before;
    try {
      before = PlanFile.read(file);
    } catch (IllegalArgumentException anotherFormat) {
      note.accept(anotherFormat.getMessage() + ": a new plan is used for the rest of the run");
      return fresh;
    }
    boolean same =
        ranks(before).equals(ranks(fresh))
            && before.backend().equals(fresh.backend())
            && before.device().equals(fresh.device())
            && before.dtype().equals(fresh.dtype())
            && before.transport().equals(fresh.transport())
            && before.instructionSet().equals(fresh.instructionSet())
            && before.kernelThreads() == fresh.kernelThreads();
    if (!same) {
      return fresh;
    }
    Plan kept = ModelDryRun.PLANNER.plan(job, offers.with(before.rates()));
    before.differences(kept).forEach(change -> note.accept("plan   " + change));
    return kept;
  }

  /** The mesh without the expert-parallel degree, which depends on rates. */
  private static Mesh ranks(Plan plan) {
    return plan.mesh().with(Axis.EXPERT, 1);
  }
}
