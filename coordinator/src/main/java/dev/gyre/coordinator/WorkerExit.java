package dev.gyre.coordinator;

/**
 * The launcher's report that a worker process ended.
 *
 * @param rank the rank it was started as
 * @param exitCode as in a shell: 128 plus the number of the signal that ended it, if one did
 * @param log where its output is, empty if nowhere
 */
public record WorkerExit(int rank, long pid, int exitCode, String log) {
  private static final int SIGNAL_BASE = 128;

  /** Exit code of a JVM with -XX:+ExitOnOutOfMemoryError. */
  private static final int OUT_OF_HEAP = 3;

  public boolean bySignal() {
    return exitCode > SIGNAL_BASE && exitCode < SIGNAL_BASE + 65;
  }

  /** For the user: {@code was killed by SIGKILL (…)} or {@code ended with exit code 1}. */
  public String describe() {
    if (bySignal()) {
      return "was killed by " + signal();
    }
    String why = exitCode == OUT_OF_HEAP ? " (its Java heap was too small)" : "";
    return "ended with exit code " + exitCode + why;
  }

  private String signal() {
    int number = exitCode - SIGNAL_BASE;
    // As Linux numbers them.
    return switch (number) {
      case 1 -> "SIGHUP";
      case 2 -> "SIGINT";
      case 3 -> "SIGQUIT";
      case 4 -> "SIGILL (the JVM crashed)";
      case 6 -> "SIGABRT (the JVM crashed; its hs_err file is in the run's folder)";
      case 7 -> "SIGBUS (the JVM crashed; is /dev/shm full?)";
      case 8 -> "SIGFPE (the JVM crashed)";
      case 9 -> "SIGKILL (by someone, or by the system when memory ran out)";
      case 11 -> "SIGSEGV (the JVM crashed)";
      case 15 -> "SIGTERM";
      default -> "signal " + number;
    };
  }
}
