package dev.gyre.deploy.options;

import dev.gyre.comms.ExitCode;

/** Ends a command with a complete error message for the user and an exit code. */
public final class CommandFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final ExitCode exitCode;

  public CommandFailure(ExitCode exitCode, String message) {
    super(message);
    this.exitCode = exitCode;
  }

  /**
   * @param problem names the option or file, its value and the limit
   * @throws CommandFailure with the exit code of a bad command line if the condition does not hold
   */
  public static void require(boolean holds, String problem) {
    if (!holds) {
      throw new CommandFailure(ExitCode.BAD_JOB, problem);
    }
  }

  public ExitCode exitCode() {
    return exitCode;
  }
}
