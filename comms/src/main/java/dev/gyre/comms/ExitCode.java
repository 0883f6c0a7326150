package dev.gyre.comms;

import dev.gyre.comms.control.FailureKind;

/**
 * What a process of Gyre ends with: the one definition, for commands, for the host of a run and for
 * workers, on one machine and on a cluster.
 */
public enum ExitCode {
  DONE(0),
  /** A check that was asked for found a difference. */
  DIFFERENT(1),
  /** The command line or the job needs a change before it can run: its file, data or numbers. */
  BAD_JOB(64),
  CORRUPT_CHECKPOINT(65),
  /** A bug in Gyre. */
  INTERNAL(70),
  /**
   * Nothing is wrong with the job: the same command, or going on from a checkpoint, may succeed.
   */
  TRY_AGAIN(75),
  /**
   * Of a worker that has not joined yet: this JVM compiled a kernel badly, another may do better.
   * Whoever started it starts it once more, and no third time.
   */
  WORKER_AGAIN(76),
  INTERRUPTED(130),
  PREEMPTED(143);

  private final int code;

  ExitCode(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }

  /** Of a worker that fails so, and of a run that ends because a worker reported this. */
  public static ExitCode of(FailureKind kind) {
    return switch (kind) {
      case FAILURE_KIND_JOB, FAILURE_KIND_DATA, FAILURE_KIND_NUMERIC -> BAD_JOB;
      case FAILURE_KIND_CHECKPOINT -> CORRUPT_CHECKPOINT;
      case FAILURE_KIND_COMMS,
          FAILURE_KIND_MEMORY,
          FAILURE_KIND_STORAGE,
          FAILURE_KIND_SLOW_KERNEL ->
          TRY_AGAIN;
      case FAILURE_KIND_INTERNAL, FAILURE_KIND_UNSPECIFIED, UNRECOGNIZED -> INTERNAL;
    };
  }

  /** Of a run whose worker ended with this process exit code and said nothing. */
  public static ExitCode ofWorker(int workerExitCode) {
    return workerExitCode == BAD_JOB.code
        ? BAD_JOB
        : workerExitCode == CORRUPT_CHECKPOINT.code ? CORRUPT_CHECKPOINT : TRY_AGAIN;
  }
}
