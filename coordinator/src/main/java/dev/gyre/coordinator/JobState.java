package dev.gyre.coordinator;

/** State of a job. */
public enum JobState {
  /** Workers join; when all have, the plan is made from their capabilities. */
  PLANNING,
  /** Every worker has its rank and the plan, opens the data plane, loads weights, warms up. */
  JOINING,
  RUNNING,
  /** All workers finished, whether after the last step or because they were asked to. */
  DONE,
  FAILED
}
