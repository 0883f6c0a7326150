package dev.gyre.coordinator;

import java.util.function.LongSupplier;

/**
 * Time during which this process could run. A coordinator that was itself suspended (Ctrl-Z, a
 * frozen container) must not find every worker's lease expired when it wakes up. Used by one
 * thread, which reads it at every tick.
 */
final class AwakeClock {
  /** The loop ticks ten times per second. A gap of 50 ticks is a suspension, not a busy machine. */
  static final long GAP_NANOS = 5_000_000_000L;

  private final LongSupplier nanos;
  private long last;
  private long asleep;

  AwakeClock(LongSupplier nanos) {
    this.nanos = nanos;
    this.last = nanos.getAsLong();
  }

  long nanos() {
    long now = nanos.getAsLong();
    if (now - last > GAP_NANOS) {
      asleep += now - last;
    }
    last = now;
    return now - asleep;
  }
}
