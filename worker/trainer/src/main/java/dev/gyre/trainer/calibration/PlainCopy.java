package dev.gyre.trainer.calibration;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory bandwidth: a message copied by one thread, as transports do. */
final class PlainCopy {
  /** A message whose two sides do not fit into the cache. */
  private static final int BYTES = 8 << 20;

  private static final int COPIES = 8;

  private final MemorySegment from;
  private final MemorySegment to;
  private final Stopwatch stopwatch = new Stopwatch(true);

  /**
   * @param arena holds both sides of the copy
   */
  PlainCopy(Arena arena) {
    from = arena.allocate(BYTES, 64);
    to = arena.allocate(BYTES, 64);
  }

  /** Bytes per second at this moment, each byte counted once. Takes some milliseconds. */
  long bytesPerSecond() {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < COPIES; i++) {
      long began = stopwatch.nanos();
      MemorySegment.copy(from, 0, to, 0, BYTES);
      least = Math.min(least, Math.max(1, stopwatch.nanos() - began));
    }
    return (long) (BYTES * 1e9 / least);
  }
}
