package dev.gyre.comms.aeron;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Linux lets a parked thread oversleep by 50 µs, in order to wake several threads together. A rank
 * that waits for a peer on the same host parks for a few microseconds. A thread may reduce this
 * slack for itself.
 */
final class TimerSlack {
  private static final Path THREAD = Path.of("/proc/thread-self");
  private static final String SLACK_NANOS = "1000";

  private TimerSlack() {}

  /** Reduces the slack of the calling thread; does nothing if the system refuses. */
  static void tighten() {
    try {
      Path process = Files.readSymbolicLink(THREAD).getFileName();
      if (process != null) {
        Files.writeString(Path.of("/proc").resolve(process).resolve("timerslack_ns"), SLACK_NANOS);
      }
    } catch (IOException | SecurityException denied) {
      // // Waits then take about 50 µs longer.
      return;
    }
  }
}
