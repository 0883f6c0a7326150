package dev.gyre.deploy.run;

import dev.gyre.coordinator.RunListener;
import dev.gyre.deploy.files.RunFiles;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.deploy.files.RunSpecs;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.trainer.step.StepMetrics;
import java.util.Objects;

/** Passes the events of a run to its files and to its listener. Does not block. */
final class RunReport implements RunListener {
  private final RunSpec run;
  private final RunFolder folder;
  private final boolean resumed;
  private final JobPlanner planner;
  private final RunFiles files;
  private final JobEvents events;
  private volatile boolean started;

  RunReport(
      RunSpec run,
      RunFolder folder,
      boolean resumed,
      JobPlanner planner,
      RunFiles files,
      JobEvents events) {
    this.run = run;
    this.folder = folder;
    this.resumed = resumed;
    this.planner = planner;
    this.files = files;
    this.events = events;
  }

  /** Whether all workers were ready and told to start. */
  boolean isStarted() {
    return started;
  }

  /**
   * Writes job and plan of a resumed run only now, so that a rejected resume does not change them.
   */
  @Override
  public void started() {
    started = true;
    if (resumed) {
      Plan plan = Objects.requireNonNull(planner.plan(), "started without a plan");
      files.write(() -> RunSpecs.write(folder, run.job()));
      files.write(() -> RunSpecs.write(folder, plan));
    }
    events.started();
  }

  @Override
  public void step(int rank, long step, String json) {
    files.metrics(json);
    events.step(StepMetrics.parse(json, "a step report"));
  }

  @Override
  public void note(int rank, String text) {
    events.note(text);
  }

  @Override
  public void awaiting(String text) {
    events.note(text + "   " + folder.mergedLog());
  }

  @Override
  public void stalled(int rank, String text) {
    events.note(text);
  }

  @Override
  public void stopping(String text) {
    events.note(text);
  }

  @Override
  public void checkpointCommitted(long step, String checkpoint) {
    events.saved(step, checkpoint);
  }
}
