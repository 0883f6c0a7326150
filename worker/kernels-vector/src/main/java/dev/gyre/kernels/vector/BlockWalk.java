package dev.gyre.kernels.vector;

import dev.gyre.kernels.AttentionTiles;

/**
 * Walks an attention call block by block: tile, run of at most {@link #RUN} queries, block of at
 * most {@link #KEYS} keys that they see, and in it {@link #QUERIES} queries at a time. So packed
 * keys are used by a whole run, and the queries' operands, packed once, stay in the second-level
 * cache.
 *
 * <p>Blocks outside a tile's band are skipped; blocks the band cuts are split into strips of {@link
 * #STRIP} queries, each with only the keys that it sees, so that a causal diagonal costs little
 * more than its visible half. Queries that see no key of a tile, and keys that no query of it sees,
 * take part in no product, so their values do not matter.
 */
abstract class BlockWalk {
  /** Packing a block of keys takes as long as about 50 queries; operands of a run have 1 MB. */
  static final int RUN = 1024;

  /**
   * Two F32 blocks of 128·256 and the operands computed from them take 512 KB: half a second-level
   * cache.
   */
  static final int QUERIES = 128;

  static final int KEYS = 256;
  static final int STRIP = 64;

  /** Keys of a strip begin and end at multiples of this, the inner size of a BF16 product step. */
  static final int GRAIN = 32;

  /** Called at the start of a run of queries of one head, before its blocks. */
  abstract void begin(int tile, int head, int query, int count);

  /** Called before the blocks of these keys. Each key is seen by a query of the run. */
  abstract void keysBegin(int tile, int head, int key, int count);

  /**
   * Called for each block of pairs; not empty.
   *
   * @param query first query, in the tile
   * @param key first key, in the tile: a multiple of {@link #GRAIN} behind the first of its keys;
   *     unless they are the last ones, the keys are a multiple of it too
   * @param cut whether some pairs are hidden
   */
  abstract void block(int tile, int head, int query, int queries, int key, int keys, boolean cut);

  /** Called after the blocks of these keys. */
  abstract void keysEnd(int tile, int head, int key, int count);

  /** Called at the end of a run. */
  abstract void end(int tile, int head, int query, int count);

  /** Walks all blocks of one head whose queries are in [from, to) of the call's tensor. */
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
      // Whole grains of keys, so that products have few different shapes.
      first -= (first - key) % GRAIN;
      end = Math.min(endKey, end + Math.floorMod(key - end, GRAIN));
      boolean cut =
          endVisible(tiles, tile, strip) < end
              || firstVisible(tiles, tile, strip + queries - 1) > first;
      block(tile, head, strip, queries, first, end - first, cut);
    }
  }

  /**
   * Masks the scores [keys][lanes] of pairs outside of the band.
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

  /** The first query of the tile that sees a key. Queries before it take part in no product. */
  private static int firstActive(AttentionTiles tiles, int tile) {
    return Math.clamp(tiles.minDelta(tile), 0, tiles.queryCount(tile));
  }

  /** The query after the last that sees a key; 0 if none does. */
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

  /** The key after the last that a query sees: i − j ≥ minDelta. */
  static int endVisible(AttentionTiles tiles, int tile, int query) {
    return Math.clamp((long) query - tiles.minDelta(tile) + 1, 0, tiles.keyCount(tile));
  }
}
