package dev.gyre.deploy.run;

import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.step.StepMetrics;

/** Receives the events of a job; one call at a time. */
public interface JobEvents {
  /** The capabilities of the workers, before the plan is made. */
  default void offered(WorkerCapabilities offers) {}

  /** The plan, as sent to every worker. */
  default void planned(Plan plan) {}

  /** All workers are ready: step 0 begins. */
  default void started() {}

  default void step(StepMetrics metrics) {}

  default void saved(long step, String folder) {}

  /** A line for the user. */
  default void note(String text) {}
}
