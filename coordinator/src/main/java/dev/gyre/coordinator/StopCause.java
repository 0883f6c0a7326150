package dev.gyre.coordinator;

import dev.gyre.comms.ExitCode;

/** Why a run is asked to end before its last step. */
public enum StopCause {
  /** A person pressed Ctrl-C. */
  INTERRUPTED(ExitCode.INTERRUPTED, "interrupted"),
  /** The machine is being preempted. */
  PREEMPTED(ExitCode.PREEMPTED, "preempted");

  private final ExitCode exit;
  private final String word;

  StopCause(ExitCode exit, String word) {
    this.exit = exit;
    this.word = word;
  }

  ExitCode exit() {
    return exit;
  }

  String word() {
    return word;
  }
}
