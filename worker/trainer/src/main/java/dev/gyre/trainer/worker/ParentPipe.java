package dev.gyre.trainer.worker;

import dev.gyre.comms.ExitCode;
import java.io.IOException;
import java.io.InputStream;

/**
 * The pipe from the launcher to a worker's standard input. Nothing is written to it. It closes when
 * the launcher wants the worker to end, and when the launcher ends, however it does: a worker never
 * outlives its launcher, in whatever state it is.
 */
public final class ParentPipe {
  /** Environment variable that says that standard input is such a pipe. */
  public static final String VARIABLE = "GYRE_PARENT_PIPE";

  private ParentPipe() {}

  /** Ends this process when the pipe closes; does nothing in a process without one. */
  public static void watch() {
    if (System.getenv(VARIABLE) != null) {
      Thread.ofPlatform()
          .name("gyre-parent-pipe")
          .daemon()
          .start(() -> haltAtEnd(System.in)); // a blocking read: not for a virtual thread
    }
  }

  private static void haltAtEnd(InputStream pipe) {
    try {
      while (pipe.read() >= 0) {
        // Nothing is written to it.
      }
    } catch (IOException broken) {
      System.err.println("gyre: the pipe from the launcher broke: " + broken.getMessage());
    }
    Runtime.getRuntime().halt(ExitCode.TRY_AGAIN.code());
  }
}
