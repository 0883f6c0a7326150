package dev.gyre.comms;

import java.util.function.LongSupplier;

/**
 * Time during which this process could run. A process that was suspended (Ctrl-Z, a frozen
 * container, a closed laptop) must not find every deadline passed when it wakes up. Used by one
 * thread, which reads it often: a long gap between two readings counts as suspended, and adds
 * nothing.
 */
public final class AwakeClock {
  /** Readers look at least once a second. A gap of five is a suspension, not a busy machine. */
  public static final long GAP_NANOS = 5_000_000_000L;

  private final LongSupplier nanos;
  private long last;
  private long asleep;

  /**
   * @param nanos monotonic nanoseconds, like {@link System#nanoTime}
   */
  public AwakeClock(LongSupplier nanos) {
    this.nanos = nanos;
    this.last = nanos.getAsLong();
  }

  /** Nanoseconds awake, from an arbitrary origin. */
  public long nanos() {
    long now = nanos.getAsLong();
    if (now - last > GAP_NANOS) {
      asleep += now - last;
    }
    last = now;
    return now - asleep;
  }
}
