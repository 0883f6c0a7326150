package dev.gyre.comms.aeron;

import java.time.Instant;

/**
 * A process, told apart from a later one with the same id by its start.
 *
 * @param startMillis since 1970; 0 if the system does not tell
 */
record ProcessMark(long pid, long startMillis) {
  /**
   * The system derives a start from the time of boot, which moves when the clock is set; an id is
   * not used again so soon.
   */
  private static final long TOLERANCE_MILLIS = 10_000;

  static ProcessMark current() {
    return of(ProcessHandle.current());
  }

  private static ProcessMark of(ProcessHandle process) {
    long start = process.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
    return new ProcessMark(process.pid(), start);
  }

  boolean isAlive() {
    return ProcessHandle.of(pid)
        .filter(ProcessHandle::isAlive)
        .filter(this::startedTogether)
        .isPresent();
  }

  private boolean startedTogether(ProcessHandle process) {
    long start = of(process).startMillis;
    return start == 0 || startMillis == 0 || Math.abs(start - startMillis) <= TOLERANCE_MILLIS;
  }
}
