package dev.gyre.comms.loopback;

import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLongArray;

/** Faults of ranks, which tests set while the ranks run. */
final class Faults {
  private final AtomicIntegerArray silent;
  private final AtomicLongArray lateNanos;

  Faults(int ranks) {
    silent = new AtomicIntegerArray(ranks);
    lateNanos = new AtomicLongArray(ranks);
  }

  void silence(int rank) {
    silent.set(rank, 1);
  }

  void late(int rank, long nanos) {
    lateNanos.set(rank, nanos);
  }

  boolean isSilent(int rank) {
    return silent.get(rank) != 0;
  }

  long lateNanos(int rank) {
    return lateNanos.get(rank);
  }
}
