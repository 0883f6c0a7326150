package dev.gyre.kernels.torch;

import dev.gyre.kernels.AttentionTiles;

/**
 * Divides a tile into parts that libtorch computes efficiently: rectangles in which every query
 * sees every key and squares with a causal diagonal, both for its flash-attention operators, and
 * blocks for the rest.
 *
 * <p>With only a lower limit on i − j, which is what causal masks have at any offset, rectangles
 * and one square are enough:
 *
 * <pre>
 *    keys →   [ all | square ]     minDelta below 0: the first −minDelta keys are seen by all
 *    queries ↓[     |  rest  ]     more queries than keys: the rest sees all of them
 * </pre>
 *
 * An upper limit, a sliding window, is computed in blocks; blocks without a visible pair are
 * skipped.
 */
final class TileParts {
  /** Rows and columns of a block: 256 × 1,024 scores of a head are one megabyte. */
  static final int BLOCK_QUERIES = 256;

  static final int BLOCK_KEYS = 1024;

  /** Receives the parts of a tile, in an order that depends only on the tile. */
  interface Parts {
    /**
     * @param causal whether query i sees only keys up to i, with as many keys as queries; else
     *     every query sees all keys
     */
    void flash(int query, int queries, int key, int keys, boolean causal);

    /** Pairs with {@code least <= i − j + corner <= most}, i and j counted inside the part. */
    void band(int query, int queries, int key, int keys, int corner, int least, int most);
  }

  private TileParts() {}

  static void cut(AttentionTiles tiles, int tile, Parts parts) {
    long least = tiles.minDelta(tile);
    long most = tiles.maxDelta(tile);
    long queries = tiles.queryCount(tile);
    long keys = tiles.keyCount(tile);
    // First drops rows and columns without a visible pair: 0 <= j < keys bounds i, and vice versa.
    long firstQuery = Math.max(0, least);
    long endQuery = Math.min(queries, most + keys);
    long firstKey = Math.max(0, firstQuery - most);
    long endKey = Math.min(keys, endQuery - least);
    long nq = endQuery - firstQuery;
    long nk = endKey - firstKey;
    if (queries == 0 || keys == 0 || nq <= 0 || nk <= 0 || least > most) {
      return;
    }
    long shift = firstQuery - firstKey;
    long lower = least - shift;
    long upper = most - shift;
    int q = (int) (tiles.queryStart(tile) + firstQuery);
    int k = (int) (tiles.keyStart(tile) + firstKey);
    if (upper < nq - 1) {
      blocks(q, (int) nq, k, (int) nk, lower, upper, parts);
    } else {
      below(q, (int) nq, k, (int) nk, lower, parts);
    }
  }

  /**
   * No upper limit. After the cut above, the first query sees the first key: lower is at most 0.
   */
  private static void below(int q, int nq, int k, int nk, long lower, Parts parts) {
    int all = (int) Math.min(nk, -lower);
    if (all > 0) {
      parts.flash(q, nq, k, all, false);
    }
    int square = nk - all;
    if (square > 0) {
      parts.flash(q, square, k + all, square, true);
      if (nq > square) {
        parts.flash(q + square, nq - square, k + all, square, false);
      }
    }
  }

  /** Any band as blocks; blocks without a visible pair are skipped. */
  static void blocks(int q, int nq, int k, int nk, long lower, long upper, Parts parts) {
    for (int i = 0; i < nq; i += BLOCK_QUERIES) {
      int rows = Math.min(BLOCK_QUERIES, nq - i);
      long first = Math.max(0, i - upper);
      long end = Math.min(nk, i + rows - lower);
      for (long j = first; j < end; j += BLOCK_KEYS) {
        int columns = (int) Math.min(BLOCK_KEYS, end - j);
        parts.band(q + i, rows, (int) (k + j), columns, (int) (i - j), limit(lower), limit(upper));
      }
    }
  }

  private static int limit(long delta) {
    return Math.clamp(delta, -AttentionTiles.UNLIMITED, AttentionTiles.UNLIMITED);
  }
}
