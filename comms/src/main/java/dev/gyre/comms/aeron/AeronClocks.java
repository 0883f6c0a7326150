package dev.gyre.comms.aeron;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.agrona.concurrent.EpochClock;
import org.agrona.concurrent.NanoClock;

/**
 * The clocks that Aeron reads: monotonic, shared by all processes of a host, and never set. The
 * driver and the ranks compare their heartbeats by them, in milliseconds. By default Aeron would
 * read the wall clock.
 */
record AeronClocks(EpochClock millis, NanoClock nanos) {
  /**
   * A time in 2001. A driver that ends leaves a heartbeat of 1969, which must be older than any
   * timeout.
   */
  private static final long EPOCH_MILLIS = 1_000_000_000_000L;

  static final AeronClocks MONOTONIC = of(System::nanoTime);

  static AeronClocks of(LongSupplier nanoTime) {
    return new AeronClocks(
        () -> EPOCH_MILLIS + TimeUnit.NANOSECONDS.toMillis(nanoTime.getAsLong()),
        nanoTime::getAsLong);
  }
}
