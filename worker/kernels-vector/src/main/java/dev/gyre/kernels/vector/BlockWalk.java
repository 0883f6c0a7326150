package dev.gyre.kernels.vector;

import dev.gyre.kernels.AttentionTiles;

/**
 * Walks an attention call block by block: tile, {@link #QUERIES} queries, then the blocks of at
 * most {@link #KEYS} keys they see. Blocks outside a tile's band are skipped; blocks the band cuts
 * are split into strips of {@link #STRIP} queries, each with just the keys that it sees, so that a
 * causal diagonal costs little more than its visible half. Queries that see no key of a tile, and
 * keys that no query of it sees, enter no product, whatever they hold.
 */
abstract class BlockWalk {
  /**
   * Two f32 blocks of 256×256 and their BF16 copies are 768 KB: what fits in a core's L2 of 1 MB or
   * more. Larger blocks fall out of it, smaller ones pay more for each product's start.
   */
  static final int QUERIES = 256;

  static final int KEYS = 256;

  /** Elements between rows of a block: off the powers of two, which share cache sets. */
  static final int STRIDE = KEYS + 16;

  static final int STRIP = 64;

  /** A run of queries of one head begins; blocks lie inside it. */
  abstract void begin(int tile, int head, int query, int count);

  /**
   * One block of pairs, not empty.
   *
   * @param query first query, in the tile
   * @param key first key, in the tile
   * @param cut whether some pairs are hidden
   */
  abstract void block(int tile, int head, int query, int queries, int key, int keys, boolean cut);

  /** The run is over. */
  abstract void end(int tile, int head, int query, int count);

  /** All blocks of one head whose queries lie in [from, to) of the call's tensor. */
  final void walk(AttentionTiles tiles, int head, long from, long to) {
    for (int tile = 0; tile < tiles.count(); tile++) {
      int start = tiles.queryStart(tile);
      int end = (int) Math.min(endActive(tiles, tile), to - start);
      int first = (int) Math.max(firstActive(tiles, tile), from - start);
      for (int query = first; query < end; query += QUERIES) {
        int count = Math.min(QUERIES, end - query);
        begin(tile, head, query, count);
        run(tiles, tile, head, query, count);
        end(tile, head, query, count);
      }
    }
  }

  /** The flag for products of a block: whole strips are few shapes and come in every call. */
  static int recurring(int queries, int keys) {
    return queries % STRIP == 0 && keys % STRIP == 0 ? Products.RECURRING : 0;
  }

  private void run(AttentionTiles tiles, int tile, int head, int query, int count) {
    int first = firstVisible(tiles, tile, query);
    int end = endVisible(tiles, tile, query + count - 1);
    for (int key = first - first % KEYS; key < end; key += KEYS) {
      int keys = Math.min(KEYS, tiles.keyCount(tile) - key);
      boolean whole =
          endVisible(tiles, tile, query) >= key + keys
              && firstVisible(tiles, tile, query + count - 1) <= key;
      if (whole) {
        block(tile, head, query, count, key, keys, false);
      } else {
        strips(tiles, tile, head, query, count, key, keys);
      }
    }
  }

  private void strips(
      AttentionTiles tiles, int tile, int head, int query, int count, int key, int keys) {
    for (int strip = query; strip < query + count; strip += STRIP) {
      int rows = Math.min(STRIP, query + count - strip);
      int first = Math.max(key, firstVisible(tiles, tile, strip));
      int end = Math.min(key + keys, endVisible(tiles, tile, strip + rows - 1));
      if (first >= end) {
        continue;
      }
      // Whole strips of keys, so that the shapes that come back are few; but no key that nobody
      // sees, as what it holds times a probability of 0 may be NaN.
      first -= (first - key) % STRIP;
      first = Math.max(first, firstVisible(tiles, tile, 0));
      end = Math.min(key + keys, end + Math.floorMod(key - end, STRIP));
      end = Math.min(end, endVisible(tiles, tile, tiles.queryCount(tile) - 1));
      boolean cut =
          endVisible(tiles, tile, strip) < end
              || firstVisible(tiles, tile, strip + rows - 1) > first;
      block(tile, head, strip, rows, first, end - first, cut);
    }
  }

  /** The first query of the tile that sees a key. Others have no part in any product. */
  private static int firstActive(AttentionTiles tiles, int tile) {
    return Math.clamp(tiles.minDelta(tile), 0, tiles.queryCount(tile));
  }

  /** The query behind the last that sees a key; that may be none. */
  private static int endActive(AttentionTiles tiles, int tile) {
    if (tiles.keyCount(tile) == 0) {
      return 0;
    }
    long end = (long) tiles.keyCount(tile) + tiles.maxDelta(tile);
    return Math.clamp(end, 0, tiles.queryCount(tile));
  }

  /** The first key of the tile that a query sees, if it sees any: i − j ≤ maxDelta. */
  static int firstVisible(AttentionTiles tiles, int tile, int query) {
    return Math.clamp((long) query - tiles.maxDelta(tile), 0, tiles.keyCount(tile));
  }

  /** The key behind the last that a query sees: i − j ≥ minDelta. */
  static int endVisible(AttentionTiles tiles, int tile, int query) {
    return Math.clamp((long) query - tiles.minDelta(tile) + 1, 0, tiles.keyCount(tile));
  }
}
