package dev.gyre.trainer.data;

import java.util.Arrays;

/**
 * Rows by free space, for best fit: finds the fullest row with enough room in about log₆₄(row
 * length) steps. A tree of 64-bit words records which amounts of space occur; each amount has a
 * stack of rows.
 */
final class FreeSpace {
  private static final int NONE = -1;

  /** {@code levels[0]} has a bit for each amount, a higher level one for each word below. */
  private final long[][] levels;

  private final int[] newestRow;
  private final int[] rowBelow;

  /**
   * @param rowTokens most free space of a row
   * @param maxRows rows are numbered below this
   */
  FreeSpace(int rowTokens, int maxRows) {
    int depth = 1;
    for (int n = (rowTokens >>> 6) + 1; n > 1; n = (n + 63) >>> 6) {
      depth++;
    }
    levels = new long[depth][];
    int bits = rowTokens + 1;
    for (int level = 0; level < depth; level++) {
      bits = (bits + 63) >>> 6;
      levels[level] = new long[bits];
    }
    newestRow = new int[rowTokens + 1];
    Arrays.fill(newestRow, NONE);
    rowBelow = new int[maxRows];
  }

  void put(int row, int free) {
    rowBelow[row] = newestRow[free];
    newestRow[free] = row;
    int at = free;
    for (long[] level : levels) {
      level[at >>> 6] |= 1L << at;
      at >>>= 6;
    }
  }

  /** The least free space of any row that is at least {@code tokens}; -1 if there is none. */
  int leastAtLeast(int tokens) {
    int at = tokens;
    for (int level = 0; level < levels.length; level++) {
      int word = at >>> 6;
      if (word >= levels[level].length) {
        return NONE;
      }
      long bits = levels[level][word] & (-1L << at);
      if (bits != 0) {
        at = word << 6 | Long.numberOfTrailingZeros(bits);
        for (int below = level - 1; below >= 0; below--) {
          at = at << 6 | Long.numberOfTrailingZeros(levels[below][at]);
        }
        return at;
      }
      at = word + 1;
    }
    return NONE;
  }

  /** Removes and returns the newest row with exactly this much space; one must exist. */
  int take(int free) {
    int row = newestRow[free];
    newestRow[free] = rowBelow[row];
    int at = free;
    boolean gone = newestRow[free] == NONE;
    for (int level = 0; gone && level < levels.length; level++) {
      levels[level][at >>> 6] &= ~(1L << at);
      gone = levels[level][at >>> 6] == 0;
      at >>>= 6;
    }
    return row;
  }
}
