package dev.gyre.comms.aeron;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Linux lets a parked thread oversleep by 50 µs, to wake several together; a rank that waits for a
 * peer on the same host parks for a few. A thread may tighten that for itself.
 */
final class TimerSlack {
  private static final Path THREAD = Path.of("/proc/thread-self");
  private static final String SLACK_NANOS = "1000";

  private TimerSlack() {}

  /** Of the calling thread; where the system does not let it, nothing changes. */
  static void tighten() {
    try {
      Path process = Files.readSymbolicLink(THREAD).getFileName();
      if (process != null) {
        Files.writeString(Path.of("/proc").resolve(process).resolve("timerslack_ns"), SLACK_NANOS);
      }
    } catch (IOException | SecurityException denied) {
      // Waits are some 50 µs longer then.
      return;
    }
  }
}
