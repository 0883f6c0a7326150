package dev.gyre.kernels.vector;

import dev.gyre.kernels.AttentionTiles;

/**
 * Walks an attention call block by block: tile, run of at most {@link #RUN} queries, block of at
 * most {@link #KEYS} keys that they see, and in it {@link #QUERIES} queries at a time. So what is
 * packed of the keys serves a whole run, and the queries' own operands, packed once, stay in the
 * second-level cache.
 *
 * <p>Blocks outside a tile's band are skipped; blocks the band cuts are split into strips of {@link
 * #STRIP} queries, each with just the keys that it sees, so that a causal diagonal costs little
 * more than its visible half. Queries that see no key of a tile, and keys that no query of it sees,
 * enter no product, whatever they hold.
 */
abstract class BlockWalk {
  /** Packing a block of keys costs what some 50 queries do; operands of a run are 1 MB. */
  static final int RUN = 1024;

  /** Two F32 blocks of 128·256 and what is made of them are 512 KB: half a second-level cache. */
  static final int QUERIES = 128;

  static final int KEYS = 256;
  static final int STRIP = 64;

  /** Keys of a strip begin and end at multiples of this: what a BF16 product sums at a time. */
  static final int GRAIN = 32;

  /** A run of queries of one head begins; blocks lie inside it. */
  abstract void begin(int tile, int head, int query, int count);

  /** Blocks of these keys follow, all of which a query of the run sees. */
  abstract void keysBegin(int tile, int head, int key, int count);

  /**
   * One block of pairs, not empty.
   *
   * @param query first query, in the tile
   * @param key first key, in the tile: a multiple of {@link #GRAIN} behind the first of its keys;
   *     unless they are the last ones, the keys are a multiple of it too
   * @param cut whether some pairs are hidden
   */
  abstract void block(int tile, int head, int query, int queries, int key, int keys, boolean cut);

  /** The blocks of these keys are done. */
  abstract void keysEnd(int tile, int head, int key, int count);

  /** The run is over. */
  abstract void end(int tile, int head, int query, int count);

  /** All blocks of one head whose queries lie in [from, to) of the call's tensor. */
  final void walk(AttentionTiles tiles, int head, long from, long to) {
    for (int tile = 0; tile < tiles.count(); tile++) {
      int start = tiles.queryStart(tile);
      int end = (int) Math.min(endActive(tiles, tile), to - start);
      int first = (int) Math.max(firstActive(tiles, tile), from - start);
      for (int query = first; query < end; query += RUN) {
        run(tiles, tile, head, query, Math.min(RUN, end - query));
      }
    }
  }

  private void run(AttentionTiles tiles, int tile, int head, int query, int count) {
    begin(tile, head, query, count);
    int first = firstVisible(tiles, tile, query);
    int end = endVisible(tiles, tile, query + count - 1);
    for (int block = first - first % KEYS; block < end; block += KEYS) {
      int key = Math.max(first, block);
      int endKey = Math.min(end, block + KEYS);
      keysBegin(tile, head, key, endKey - key);
      for (int part = query; part < query + count; part += QUERIES) {
        int queries = Math.min(QUERIES, query + count - part);
        boolean whole =
            endVisible(tiles, tile, part) >= endKey
                && firstVisible(tiles, tile, part + queries - 1) <= key;
        if (whole) {
          block(tile, head, part, queries, key, endKey - key, false);
        } else {
          strips(tiles, tile, head, part, queries, key, endKey);
        }
      }
      keysEnd(tile, head, key, endKey - key);
    }
    end(tile, head, query, count);
  }

  private void strips(
      AttentionTiles tiles, int tile, int head, int query, int count, int key, int endKey) {
    for (int strip = query; strip < query + count; strip += STRIP) {
      int queries = Math.min(STRIP, query + count - strip);
      int first = Math.max(key, firstVisible(tiles, tile, strip));
      int end = Math.min(endKey, endVisible(tiles, tile, strip + queries - 1));
      if (first >= end) {
        continue;
      }
      // Whole grains of keys, so that the shapes that come back are few.
      first -= (first - key) % GRAIN;
      end = Math.min(endKey, end + Math.floorMod(key - end, GRAIN));
      boolean cut =
          endVisible(tiles, tile, strip) < end
              || firstVisible(tiles, tile, strip + queries - 1) > first;
      block(tile, head, strip, queries, first, end - first, cut);
    }
  }

  /**
   * Hides the scores [keys][lanes] of pairs that the band does.
   *
   * @param rowBytes from one key to the next
   */
  static void hide(
      AttentionTiles tiles,
      int tile,
      int query,
      int queries,
      int key,
      int keys,
      long scores,
      int rowBytes,
      float hidden) {
    for (int j = 0; j < keys; j++) {
      long first = (long) key + j + tiles.minDelta(tile) - query;
      long end = (long) key + j + tiles.maxDelta(tile) + 1 - query;
      int from = Math.clamp(first, 0, queries);
      int to = Math.clamp(end, from, queries);
      long row = scores + (long) j * rowBytes;
      ScoreLanes.fill(row, 0, from, hidden);
      ScoreLanes.fill(row, to, queries, hidden);
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
