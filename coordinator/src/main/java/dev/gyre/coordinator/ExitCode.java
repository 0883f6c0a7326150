package dev.gyre.coordinator;

import dev.gyre.comms.control.FailureKind;

/** What the process that hosts a run ends with. */
public enum ExitCode {
  DONE(0),
  /** The job needs a change before it can run: its file, its data, its numbers. */
  BAD_JOB(64),
  CORRUPT_CHECKPOINT(65),
  /** A bug in Gyre. */
  INTERNAL(70),
  /** Nothing is wrong with the job; resuming from the newest checkpoint goes on. */
  TRY_AGAIN(75),
  INTERRUPTED(130),
  PREEMPTED(143);

  private final int code;

  ExitCode(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }

  /** The exit code of a run that ends because a worker reported this. */
  static ExitCode of(FailureKind kind) {
    return switch (kind) {
      case FAILURE_KIND_JOB, FAILURE_KIND_DATA, FAILURE_KIND_NUMERIC -> BAD_JOB;
      case FAILURE_KIND_CHECKPOINT -> CORRUPT_CHECKPOINT;
      case FAILURE_KIND_COMMS, FAILURE_KIND_MEMORY, FAILURE_KIND_STORAGE -> TRY_AGAIN;
      case FAILURE_KIND_INTERNAL, FAILURE_KIND_UNSPECIFIED, UNRECOGNIZED -> INTERNAL;
    };
  }

  /** The exit code of a run whose worker ended with this process exit code and said nothing. */
  static ExitCode ofWorker(int workerExitCode) {
    return workerExitCode == BAD_JOB.code
        ? BAD_JOB
        : workerExitCode == CORRUPT_CHECKPOINT.code ? CORRUPT_CHECKPOINT : TRY_AGAIN;
  }
}
