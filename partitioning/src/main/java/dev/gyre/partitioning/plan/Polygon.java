package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.Piece;
import dev.gyre.partitioning.schedule.AttentionTile;

/**
 * The pairs that a tile has between a piece of queries and a piece of keys: in local indices {@code
 * queryFirst <= i <= queryLast}, {@code keyFirst <= j <= keyLast}, {@code least <= i − j <= most}.
 * The distance from key to query is linear in (i, j), and the corners are whole, so its extremes
 * lie at corners.
 */
record Polygon(
    Piece query,
    Piece key,
    long queryFirst,
    long queryLast,
    long keyFirst,
    long keyLast,
    long least,
    long most) {

  static Polygon of(Piece query, Piece key, AttentionTile tile) {
    long shift = (long) tile.queryStart() - tile.keyStart();
    return new Polygon(
        query,
        key,
        Math.max(query.localStart(), tile.queryStart()),
        Math.min(query.localEnd(), tile.queryEnd()) - 1L,
        Math.max(key.localStart(), tile.keyStart()),
        Math.min(key.localEnd(), tile.keyEnd()) - 1L,
        tile.minDelta() + shift,
        tile.maxDelta() + shift);
  }

  /** The part with queries from {@code queryIndex} and keys from {@code keyIndex} on. */
  Polygon from(int queryIndex, int keyIndex) {
    return new Polygon(
        query,
        key,
        Math.max(queryFirst, (long) query.localStart() + queryIndex),
        queryLast,
        Math.max(keyFirst, (long) key.localStart() + keyIndex),
        keyLast,
        least,
        most);
  }

  boolean isEmpty() {
    return queryFirst > queryLast || keyFirst > keyLast || nearest() > farthest();
  }

  /** Smallest i − j of a pair. */
  private long nearest() {
    return Math.max(least, queryFirst - keyLast);
  }

  /** Largest i − j of a pair. */
  private long farthest() {
    return Math.min(most, queryLast - keyFirst);
  }

  /** Smallest distance from a key to its query, in tokens; negative where the key comes after. */
  long leastDistance() {
    long smallest = Long.MAX_VALUE;
    for (int corner = 0; corner < 4; corner++) {
      long j = cornerKey(corner);
      long i = Math.max(queryFirst, j + nearest());
      smallest = Math.min(smallest, place(query, i) - place(key, j));
    }
    return smallest;
  }

  /** Largest distance from a key to its query, in tokens. */
  long mostDistance() {
    long largest = Long.MIN_VALUE;
    for (int corner = 0; corner < 4; corner++) {
      long j = cornerKey(corner);
      long i = Math.min(queryLast, j + farthest());
      largest = Math.max(largest, place(query, i) - place(key, j));
    }
    return largest;
  }

  private long cornerKey(int corner) {
    long first = Math.max(keyFirst, queryFirst - farthest());
    long last = Math.min(keyLast, queryLast - nearest());
    return switch (corner) {
      case 0 -> first;
      case 1 -> last;
      case 2 -> Math.clamp(queryFirst - nearest(), first, last);
      default -> Math.clamp(queryLast - farthest(), first, last);
    };
  }

  private static long place(Piece piece, long local) {
    return piece.first() + (local - piece.localStart()) * piece.stride();
  }
}
