package dev.gyre.kernels.bench;

import java.util.concurrent.TimeUnit;

/** Repeats work until the JIT has compiled it. */
final class WarmUp {
  /** C2 takes about a second to compile a Java kernel, also on a busy machine. */
  private static final long LEAST_NANOS = TimeUnit.MILLISECONDS.toNanos(1000);

  private static final long STEADY_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final long MOST_NANOS = TimeUnit.SECONDS.toNanos(6);

  private WarmUp() {}

  /** Ends when no call was faster than the best before it for half a second. */
  static void untilNoFaster(Runnable work) {
    long began = System.nanoTime();
    long best = Long.MAX_VALUE;
    long bestAt = began;
    long now = began;
    while (now - began < MOST_NANOS && (now - began < LEAST_NANOS || now - bestAt < STEADY_NANOS)) {
      long start = now;
      work.run();
      now = System.nanoTime();
      // A percent is noise.
      if (now - start < best - best / 100) {
        best = now - start;
        bestAt = now;
      }
    }
  }
}
