package dev.gyre.trainer.control;

/** What a worker does when its run ends without it having finished. */
@FunctionalInterface
public interface EndOfRun {
  /**
   * The coordinator said stop, or is gone. Called at most once, on a thread of its own, while the
   * training thread may be anywhere, a collective included: aborts the transport and ends the
   * process.
   *
   * @param reason for people
   * @param exitCode what the process should end with; 75 (try again) when the coordinator is gone
   */
  void ended(String reason, int exitCode);
}
