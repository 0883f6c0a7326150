package dev.gyre.deploy;

/** The codes of {@link dev.gyre.comms.ExitCode} that commands return, as numbers. */
public final class ExitCode {
  public static final int DONE = dev.gyre.comms.ExitCode.DONE.code();

  /** A check that was asked for found a difference: {@code golden}, a benchmark's slow JVM. */
  public static final int DIFFERENT = dev.gyre.comms.ExitCode.DIFFERENT.code();

  public static final int BAD_JOB = dev.gyre.comms.ExitCode.BAD_JOB.code();
  public static final int CORRUPT_CHECKPOINT = dev.gyre.comms.ExitCode.CORRUPT_CHECKPOINT.code();
  public static final int INTERNAL = dev.gyre.comms.ExitCode.INTERNAL.code();
  public static final int TRY_AGAIN = dev.gyre.comms.ExitCode.TRY_AGAIN.code();

  private ExitCode() {}
}
