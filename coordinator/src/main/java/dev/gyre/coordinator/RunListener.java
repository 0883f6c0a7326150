package dev.gyre.coordinator;

/**
 * Hears what happens in a run. Called by the coordinator's own thread, one call at a time: return
 * soon. An exception ends the run.
 */
public interface RunListener {
  /** A worker said hello; its rank may still be open (−1). */
  default void joined(JoinedWorker worker, int joined, int expected) {}

  /**
   * Workers are awaited before the first step: who, and what they do as far as anyone knows. Said
   * after {@link Timing#reportStillAfter}, then ever more rarely as long as it lasts.
   */
  default void awaiting(String text) {}

  /** The plan is made and on its way to the workers. */
  default void planned(String planJson) {}

  /** A worker is ready to start. */
  default void ready(int rank, long matmulFlopsPerSecond, long memoryBytesUsed) {}

  /** All workers are ready and were told to start. */
  default void started() {}

  /** A rank finished a step; the JSON is its own. */
  default void step(int rank, long step, String json) {}

  /** A line for people. */
  default void note(int rank, String text) {}

  /**
   * A rank stands still, or nothing is heard from it. The run goes on: this is a report. Said once
   * per standstill.
   */
  default void stalled(int rank, String text) {}

  default void checkpointCommitted(long step, String folder) {}

  default void failed(Outcome outcome) {}

  default void done(Outcome outcome) {}
}
