package dev.gyre.partitioning.layout;

import dev.gyre.partitioning.mesh.EvenCut;
import java.util.Arrays;

/**
 * The zigzag layout, document by document. A causal query at position p sees p + 1 keys. So chunk c
 * of 2P equal chunks has area ∝ 2c + 1, and chunks r and 2P − 1 − r together have the same area for
 * every r. Documents too short to cut are assigned as a whole, longest first, to the rank with the
 * fewest tokens (then the least area, then the lowest rank). Sources: zigzag ring attention
 * (ring-flash-attention); Graham's longest-processing-time rule.
 */
final class Zigzag {
  private Zigzag() {}

  static TokenRanges[] cut(Documents documents, int ring, int minChunk) {
    int chunks = 2 * ring;
    long[] tokens = new long[ring];
    long[] area = new long[ring];
    int[] wholeAt = new int[documents.count()];
    Arrays.fill(wholeAt, -1);
    int whole = 0;
    for (int d = 0; d < documents.count(); d++) {
      int length = documents.length(d);
      if (length / chunks < minChunk) {
        whole++;
        continue;
      }
      for (int c = 0; c < chunks; c++) {
        int rank = Math.min(c, chunks - 1 - c);
        long start = EvenCut.start(length, chunks, c);
        long end = EvenCut.start(length, chunks, c + 1);
        tokens[rank] += end - start;
        area[rank] += triangle(end) - triangle(start);
      }
    }
    for (int d : longestFirst(documents, chunks, minChunk, whole)) {
      int rank = lightest(tokens, area);
      wholeAt[d] = rank;
      tokens[rank] += documents.length(d);
      area[rank] += triangle(documents.length(d));
    }
    return lists(documents, ring, wholeAt);
  }

  /** Pairs of a causal mask over n tokens. */
  private static long triangle(long n) {
    return n * (n + 1) / 2;
  }

  private static int[] longestFirst(Documents documents, int chunks, int minChunk, int count) {
    long[] keys = new long[count];
    int used = 0;
    for (int d = 0; d < documents.count(); d++) {
      if (documents.length(d) / chunks < minChunk) {
        keys[used++] = ((long) (Integer.MAX_VALUE - documents.length(d)) << 32) | d;
      }
    }
    Arrays.sort(keys);
    int[] order = new int[count];
    for (int i = 0; i < count; i++) {
      order[i] = (int) keys[i];
    }
    return order;
  }

  private static int lightest(long[] tokens, long[] area) {
    int best = 0;
    for (int r = 1; r < tokens.length; r++) {
      if (tokens[r] < tokens[best] || (tokens[r] == tokens[best] && area[r] < area[best])) {
        best = r;
      }
    }
    return best;
  }

  private static TokenRanges[] lists(Documents documents, int ring, int[] wholeAt) {
    TokenRanges[] lists = TokenRanges.perRank(ring);
    int chunks = 2 * ring;
    for (int d = 0; d < documents.count(); d++) {
      int first = documents.start(d);
      int length = documents.length(d);
      if (wholeAt[d] >= 0) {
        lists[wholeAt[d]].add(first, length);
        continue;
      }
      for (int c = 0; c < chunks; c++) {
        int start = Math.toIntExact(EvenCut.start(length, chunks, c));
        int end = Math.toIntExact(EvenCut.start(length, chunks, c + 1));
        lists[Math.min(c, chunks - 1 - c)].add(first + start, end - start);
      }
    }
    return lists;
  }
}
