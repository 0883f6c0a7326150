package dev.gyre.comms;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Sums of f32 vectors in a given order. Values pass through small arrays: the JIT vectorises a loop
 * over arrays, but not a loop over two native segments, which might overlap. The copies stay in the
 * core's caches.
 */
final class FloatSums {
  /**
   * Two blocks of 64 KB fit in the second-level cache. Each source is read in runs of this length.
   * With runs of two pages the hardware prefetcher had no time to start, and sums of uncached data
   * took 25 % longer.
   */
  private static final int BLOCK = 16 << 10;

  private final float[] sum = new float[BLOCK];
  private final float[] next = new float[BLOCK];

  /**
   * {@code into} ← Σ sources, in their order.
   *
   * @param sources each at least as long as {@code into}, which may be one of them
   */
  void add(MemorySegment[] sources, MemorySegment into) {
    long elements = into.byteSize() / Float.BYTES;
    for (long at = 0; at < elements; at += BLOCK) {
      int n = (int) Math.min(BLOCK, elements - at);
      long byteOffset = at * Float.BYTES;
      load(sources[0], byteOffset, sum, n);
      for (int i = 1; i < sources.length; i++) {
        load(sources[i], byteOffset, next, n);
        add(sum, next, n);
      }
      MemorySegment.copy(sum, 0, into, ValueLayout.JAVA_FLOAT_UNALIGNED, byteOffset, n);
    }
  }

  private static void load(MemorySegment from, long byteOffset, float[] to, int n) {
    MemorySegment.copy(from, ValueLayout.JAVA_FLOAT_UNALIGNED, byteOffset, to, 0, n);
  }

  private static void add(float[] a, float[] b, int n) {
    for (int i = 0; i < n; i++) {
      a[i] += b[i];
    }
  }
}
