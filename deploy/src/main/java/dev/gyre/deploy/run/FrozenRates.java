package dev.gyre.deploy.run;

import dev.gyre.deploy.files.PlanFile;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.Planner;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * A resumed run decides by the rates it began with, as long as the same machine runs the same
 * ranks: measured again they would differ by noise, and rows could take other schedules than
 * before, or experts be dealt over another number of ranks.
 */
final class FrozenRates {
  private FrozenRates() {}

  /**
   * @param fresh the plan by what the workers measured now
   * @param file plan of the run that is resumed; one that is not there or not readable decides
   *     nothing
   * @param note is told what a resumed run does otherwise than before
   * @return the plan by the run's own rates, if ranks, backend and threads are its own
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
      note.accept(anotherFormat.getMessage() + ": the rest of the run is planned anew");
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
    Plan kept = Planner.plan(job, offers.with(before.rates()));
    before.differences(kept).forEach(change -> note.accept("plan   " + change));
    return kept;
  }

  /** The mesh without how experts are dealt, which rates decide. */
  private static Mesh ranks(Plan plan) {
    return plan.mesh().withExpertParallel(1);
  }
}
