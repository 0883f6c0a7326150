package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.mask.AttentionMask;

/** Number of visible pairs of a mask, in closed form. */
final class MaskArea {
  private MaskArea() {}

  /** Visible pairs of a row. */
  static long of(Documents documents, AttentionMask mask) {
    long pairs = 0;
    for (int d = 0; d < documents.count(); d++) {
      long length = documents.length(d);
      long prefix = Math.min(mask.prefix(), length);
      int sinks = mask.sinksOf(d);
      // The prefix sees itself; later queries see what they would see without it.
      pairs +=
          prefix * prefix
              + behind(length, mask.window(), sinks)
              - behind(prefix, mask.window(), sinks)
              + (mask.seesAnchorElsewhere(d) ? length : 0);
    }
    return pairs;
  }

  /**
   * Pairs of the first queries of a document with a window and sinks: a query at place p sees min(p
   * + 1, window) keys, and of those that have left the window min(sinks, p + 1 − window).
   */
  private static long behind(long queries, long window, long sinks) {
    return window == 0
        ? sumOfLesser(queries, queries)
        : sumOfLesser(queries, window) + sumOfLesser(Math.max(0, queries - window), sinks);
  }

  /** Σ of min(x, limit) for x from 1 to n. */
  private static long sumOfLesser(long n, long limit) {
    long rising = Math.min(n, limit);
    return rising * (rising + 1) / 2 + (n - rising) * limit;
  }
}
