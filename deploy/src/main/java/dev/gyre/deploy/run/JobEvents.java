package dev.gyre.deploy.run;

import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.step.StepMetrics;

/** Hears how a job goes; one call at a time. */
public interface JobEvents {
  /** What the workers offer, before the plan is made from it. */
  default void offered(WorkerCapabilities offers) {}

  /** The plan every worker got. */
  default void planned(Plan plan) {}

  /** All workers are ready: step 0 begins. */
  default void started() {}

  default void step(StepMetrics metrics) {}

  default void saved(long step, String folder) {}

  /** A line for people. */
  default void note(String text) {}
}
