package dev.gyre.coordinator;

/**
 * Receives the events of a run. Called on the coordinator's thread, one call at a time; must return
 * quickly. An exception ends the run.
 */
public interface RunListener {
  /** A worker connected; its rank may not be assigned yet (−1). */
  default void joined(JoinedWorker worker, int joined, int expected) {}

  /**
   * Which workers are awaited before the first step, and what they do, as far as known. Reported
   * after {@link Timing#reportStillAfter}, then at growing intervals.
   */
  default void awaiting(String text) {}

  /** The plan is made and on its way to the workers. */
  default void planned(String planJson) {}

  /** A worker is ready to start. */
  default void ready(int rank, long matmulFlopsPerSecond, long memoryBytesUsed) {}

  /** All workers are ready and were told to start. */
  default void started() {}

  /** A rank finished a step; the JSON is its report. */
  default void step(int rank, long step, String json) {}

  /** A line for the user; the rank is −1 if it comes from the coordinator. */
  default void note(int rank, String text) {}

  /** A rank makes no progress, or is silent. Reported once per stall; the run goes on. */
  default void stalled(int rank, String text) {}

  /** The run was asked to save and stop, and will; reported once. */
  default void stopping(String text) {}

  default void checkpointCommitted(long step, String folder) {}

  default void failed(Outcome outcome) {}

  default void done(Outcome outcome) {}
}
