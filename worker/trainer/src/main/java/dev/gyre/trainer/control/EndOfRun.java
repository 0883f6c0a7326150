package dev.gyre.trainer.control;

/** What a worker does when its run ends before the worker has finished. */
@FunctionalInterface
public interface EndOfRun {
  /**
   * The coordinator stopped the run, or is gone. Called at most once, on a thread of its own, while
   * the training thread may be anywhere, even in a collective. Aborts the transport and ends the
   * process.
   *
   * @param reason for the user
   * @param exitCode what the process should end with; 75 (try again) when the coordinator is gone
   */
  void ended(String reason, int exitCode);
}
