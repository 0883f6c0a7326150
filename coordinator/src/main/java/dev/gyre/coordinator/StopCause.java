package dev.gyre.coordinator;

import dev.gyre.comms.ExitCode;

/** Why a run is asked to end before its last step. */
public enum StopCause {
  /** A person pressed Ctrl-C. */
  INTERRUPTED(ExitCode.INTERRUPTED, "interrupted", "Ctrl-C"),
  /** The machine is being preempted. */
  PREEMPTED(ExitCode.PREEMPTED, "preempted", "SIGTERM");

  private final ExitCode exit;
  private final String word;
  private final String signal;

  StopCause(ExitCode exit, String word, String signal) {
    this.exit = exit;
    this.word = word;
    this.signal = signal;
  }

  ExitCode exit() {
    return exit;
  }

  String word() {
    return word;
  }

  /** What the user, or the system, sent. */
  String signal() {
    return signal;
  }
}
