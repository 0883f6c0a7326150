package dev.gyre.deploy;

/** What the command's exit status means; the same on one machine and on a cluster. */
public final class ExitCode {
  public static final int DONE = 0;

  /** A check that was asked for found a difference ({@code golden}, {@code checkpoint verify}). */
  public static final int DIFFERENT = 1;

  /** The command line or the job file cannot mean anything. */
  public static final int BAD_JOB = 64;

  public static final int CORRUPT_CHECKPOINT = 65;

  /** A bug in Gyre. */
  public static final int INTERNAL = 70;

  /** A worker, a machine or memory failed: the same command may well succeed. */
  public static final int TRY_AGAIN = 75;

  public static final int INTERRUPTED = 130;
  public static final int PREEMPTED = 143;

  private ExitCode() {}
}
