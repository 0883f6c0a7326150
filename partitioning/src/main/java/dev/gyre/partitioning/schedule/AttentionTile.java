package dev.gyre.partitioning.schedule;

/**
 * A rectangle of (query, key) pairs in the local indices of their owners. With i and j counted
 * inside the tile, (i, j) is visible iff {@code minDelta <= i - j <= maxDelta}: causal masks at any
 * offset, sliding windows and full tiles alike.
 *
 * @param minDelta {@code -UNLIMITED} where no pair of the tile falls below it
 * @param maxDelta {@code UNLIMITED} where no pair of the tile lies above it
 */
public record AttentionTile(
    int queryStart, int queryCount, int keyStart, int keyCount, int minDelta, int maxDelta) {
  public static final int UNLIMITED = Integer.MAX_VALUE;

  public AttentionTile {
    if (queryStart < 0
        || queryCount < 1
        || keyStart < 0
        || keyCount < 1
        || queryCount > Integer.MAX_VALUE - queryStart
        || keyCount > Integer.MAX_VALUE - keyStart) {
      throw new IllegalArgumentException(
          "tile queries %d+%d keys %d+%d".formatted(queryStart, queryCount, keyStart, keyCount));
    }
  }

  public int queryEnd() {
    return queryStart + queryCount;
  }

  public int keyEnd() {
    return keyStart + keyCount;
  }

  /** Whether every pair is visible, so that nothing needs masking. */
  public boolean isFull() {
    return minDelta <= 1 - keyCount && maxDelta >= queryCount - 1;
  }

  /** Visible pairs. */
  public long area() {
    long least = Math.max(minDelta, 1L - keyCount);
    long most = Math.min(maxDelta, queryCount - 1L);
    return least > most ? 0 : pairsUpTo(most) - pairsUpTo(least - 1);
  }

  /** Pairs with i − j <= delta: Σ over i of the keys j >= max(0, i − delta). */
  private long pairsUpTo(long delta) {
    long allKeys = Math.clamp(delta + 1, 0L, (long) queryCount);
    long first = Math.max(1, -delta);
    long last = queryCount - 1 - delta;
    long rest = last < first ? 0 : fallingSum(last) - fallingSum(first - 1);
    return allKeys * keyCount + rest;
  }

  /** Σ of max(0, keyCount − x) for x from 1 to n. */
  private long fallingSum(long n) {
    long terms = Math.min(n, keyCount);
    return terms * keyCount - terms * (terms + 1) / 2;
  }

  /** Whether another rectangle continues this one, along queries or along keys. */
  boolean touches(AttentionTile next) {
    boolean sameKeys = keyStart == next.keyStart && keyCount == next.keyCount;
    boolean sameQueries = queryStart == next.queryStart && queryCount == next.queryCount;
    return (sameKeys && queryEnd() == next.queryStart)
        || (sameQueries && keyEnd() == next.keyStart);
  }

  /** Joins two full rectangles that touch. */
  AttentionTile joined(AttentionTile next) {
    return new AttentionTile(
        queryStart,
        next.queryEnd() - queryStart,
        keyStart,
        next.keyEnd() - keyStart,
        -UNLIMITED,
        UNLIMITED);
  }
}
