package dev.gyre.trainer.control;

/** The coordinator refused this worker, ended the run, or is gone. The message says which. */
public final class ControlException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final int exitCode;

  ControlException(String message, int exitCode) {
    super(message);
    this.exitCode = exitCode;
  }

  /** What the worker's process should end with. */
  public int exitCode() {
    return exitCode;
  }
}
