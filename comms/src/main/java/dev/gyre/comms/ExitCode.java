package dev.gyre.comms;

import dev.gyre.comms.control.FailureKind;

/**
 * Exit codes of all Gyre processes: commands, the host of a run, and workers, on one machine and on
 * a cluster.
 */
public enum ExitCode {
  DONE(0),
  /** A requested comparison found a difference. */
  DIFFERENT(1),
  /**
   * The command line or the job must be changed before it can run: the job file, its data or its
   * numbers.
   */
  BAD_JOB(64),
  CORRUPT_CHECKPOINT(65),
  /** A bug in Gyre. */
  INTERNAL(70),
  /**
   * Nothing is wrong with the job: repeating the command, or resuming from a checkpoint, may
   * succeed.
   */
  TRY_AGAIN(75),
  /**
   * A worker that has not joined yet found that its JVM compiled a kernel badly. The launcher
   * restarts it once; a second process may do better.
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

  /**
   * The exit code of a worker that fails this way, and of a run that ends because a worker reported
   * it.
   */
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

  /** The exit code of a run whose worker exited with this code and reported nothing. */
  public static ExitCode ofWorker(int workerExitCode) {
    return workerExitCode == BAD_JOB.code
        ? BAD_JOB
        : workerExitCode == CORRUPT_CHECKPOINT.code ? CORRUPT_CHECKPOINT : TRY_AGAIN;
  }
}
