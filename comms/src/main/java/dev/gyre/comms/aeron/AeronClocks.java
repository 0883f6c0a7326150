package dev.gyre.comms.aeron;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.agrona.concurrent.EpochClock;
import org.agrona.concurrent.NanoClock;

/**
 * What Aeron takes for the time: a monotonic clock that all processes of a host share and nobody
 * sets. Driver and ranks compare their heartbeats by it, in milliseconds, where Aeron itself would
 * ask the wall clock.
 */
record AeronClocks(EpochClock millis, NanoClock nanos) {
  /**
   * Some time in 2001: a driver that ends leaves a heartbeat of 1969, which must lie further back
   * than any timeout.
   */
  private static final long EPOCH_MILLIS = 1_000_000_000_000L;

  static final AeronClocks MONOTONIC = of(System::nanoTime);

  static AeronClocks of(LongSupplier nanoTime) {
    return new AeronClocks(
        () -> EPOCH_MILLIS + TimeUnit.NANOSECONDS.toMillis(nanoTime.getAsLong()),
        nanoTime::getAsLong);
  }
}
