package dev.gyre.kernels;

import java.util.Arrays;

/**
 * The rectangles of (query, key) pairs one attention call computes, packed for the kernels.
 *
 * <p>Tile {@code n} covers queries {@code [queryStart, queryStart + queryCount)} and keys {@code
 * [keyStart, keyStart + keyCount)} of the call's tensors. With i and j counted inside the tile, the
 * pair (i, j) is visible iff {@code minDelta <= i - j <= maxDelta}. That one rule covers causal
 * masks at any offset (minDelta), sliding windows (maxDelta) and full tiles. Tiles of one call
 * never overlap. Immutable once built.
 */
public final class AttentionTiles {
  /** Deltas beyond any pair: no limit on that side. */
  public static final int UNLIMITED = Integer.MAX_VALUE;

  public static final AttentionTiles EMPTY = new Builder().build();

  private static final int FIELDS = 6;
  private final int[] packed;

  private AttentionTiles(int[] packed) {
    this.packed = packed;
  }

  public int count() {
    return packed.length / FIELDS;
  }

  public int queryStart(int tile) {
    return packed[tile * FIELDS];
  }

  public int queryCount(int tile) {
    return packed[tile * FIELDS + 1];
  }

  public int keyStart(int tile) {
    return packed[tile * FIELDS + 2];
  }

  public int keyCount(int tile) {
    return packed[tile * FIELDS + 3];
  }

  /** Smallest visible i − j; {@code -UNLIMITED} where the tile has no such limit. */
  public int minDelta(int tile) {
    return packed[tile * FIELDS + 4];
  }

  /** Largest visible i − j; {@code UNLIMITED} where the tile has no such limit. */
  public int maxDelta(int tile) {
    return packed[tile * FIELDS + 5];
  }

  /** Collects tiles in the order in which they will be computed. */
  public static final class Builder {
    private int[] packed = new int[FIELDS * 8];
    private int used;

    public Builder add(
        int queryStart, int queryCount, int keyStart, int keyCount, int minDelta, int maxDelta) {
      if (queryStart < 0 || queryCount < 0 || keyStart < 0 || keyCount < 0) {
        throw new IllegalArgumentException(
            "tile has a negative range: queries %d+%d keys %d+%d"
                .formatted(queryStart, queryCount, keyStart, keyCount));
      }
      if (used + FIELDS > packed.length) {
        packed = Arrays.copyOf(packed, packed.length * 2);
      }
      packed[used++] = queryStart;
      packed[used++] = queryCount;
      packed[used++] = keyStart;
      packed[used++] = keyCount;
      packed[used++] = minDelta;
      packed[used++] = maxDelta;
      return this;
    }

    public AttentionTiles build() {
      return new AttentionTiles(Arrays.copyOf(packed, used));
    }
  }
}
