package dev.gyre.deploy.run;

import dev.gyre.coordinator.JoinedWorker;
import dev.gyre.coordinator.PlanMaker;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.deploy.files.RunSpecs;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.InvalidPlanException;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.PlanValidator;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.dryrun.ModelDryRun;
import dev.gyre.trainer.json.SpecJson;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Makes the plan of a run after its workers have joined, and holds it. */
final class JobPlanner implements PlanMaker {
  private final RunSpec run;
  private final RunFolder folder;
  private final boolean resumed;
  private final JobEvents events;
  private volatile @Nullable Plan plan;

  JobPlanner(RunSpec run, RunFolder folder, boolean resumed, JobEvents events) {
    this.run = run;
    this.folder = folder;
    this.resumed = resumed;
    this.events = events;
  }

  /** The plan; null until it is made. */
  @Nullable Plan plan() {
    return plan;
  }

  @Override
  public Result plan(List<JoinedWorker> joined) throws IOException {
    try {
      WorkerCapabilities offers = HostCapabilities.of(run.job().mesh(), joined);
      Plan made = make(offers);
      PlanValidator.requireMemory(made, offers);
      plan = made;
      events.offered(offers);
      if (!resumed) {
        RunSpecs.write(folder, made);
      }
      events.planned(made);
      return new Planned(SpecJson.write(made), RunTimes.of(run.job(), made));
    } catch (Invalid | InvalidPlanException e) {
      return new Refused(String.valueOf(e.getMessage()));
    }
  }

  private Plan make(WorkerCapabilities offers) throws IOException {
    Plan given = run.given();
    if (given != null) {
      return given;
    }
    JobSpec job = run.job();
    Plan made = ModelDryRun.PLANNER.plan(job, offers);
    return resumed ? FrozenRates.keep(made, folder.plan(), job, offers, events::note) : made;
  }
}
