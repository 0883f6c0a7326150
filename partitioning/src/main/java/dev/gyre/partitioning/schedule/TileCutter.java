package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.layout.AttentionMask;
import dev.gyre.partitioning.layout.Piece;
import dev.gyre.partitioning.layout.SequenceLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Cuts the mask between two ranks' tokens into rectangles. A query at place p of its document sees
 * the keys at places p − window + 1 to p of the same document (0 to p without a window). Work is in
 * proportion to the documents both ranks hold, never to tokens squared.
 */
public final class TileCutter {
  /** Beyond every delta, and safe to add to. */
  private static final long FAR = 1L << 40;

  private final int window;
  private final List<List<Piece>> pieces = new ArrayList<>();

  public TileCutter(SequenceLayout layout, AttentionMask mask) {
    this.window = mask.window();
    for (int r = 0; r < layout.ring(); r++) {
      List<Piece> own = Piece.of(layout, r);
      // Layouts made here are in document order already; others may not be.
      own.sort(Comparator.comparingInt(Piece::document));
      pieces.add(own);
    }
  }

  /**
   * The tiles between one rank's queries and one rank's keys: together every visible pair once and
   * no rectangle overlapping another, trimmed to rows and columns that hold a visible pair. Ordered
   * by document.
   */
  public List<AttentionTile> between(int queryOwner, int keyOwner) {
    List<Piece> queries = pieces.get(queryOwner);
    List<Piece> keys = pieces.get(keyOwner);
    List<AttentionTile> tiles = new ArrayList<>();
    int q = 0;
    int k = 0;
    while (q < queries.size() && k < keys.size()) {
      int document = queries.get(q).document();
      int keyDocument = keys.get(k).document();
      if (document < keyDocument) {
        q = endOf(queries, q);
      } else if (document > keyDocument) {
        k = endOf(keys, k);
      } else {
        int queryEnd = endOf(queries, q);
        int keyEnd = endOf(keys, k);
        if (queryOwner == keyOwner && window == 0 && inOrder(queries, q, queryEnd)) {
          addTriangle(queries, q, queryEnd, tiles);
        } else {
          addPairs(queries.subList(q, queryEnd), keys.subList(k, keyEnd), tiles);
        }
        q = queryEnd;
        k = keyEnd;
      }
    }
    return tiles;
  }

  private static int endOf(List<Piece> pieces, int from) {
    int document = pieces.get(from).document();
    int end = from + 1;
    while (end < pieces.size() && pieces.get(end).document() == document) {
      end++;
    }
    return end;
  }

  /** Whether pieces of one document touch in the local order and keep the document's order. */
  private static boolean inOrder(List<Piece> pieces, int from, int to) {
    for (int i = from + 1; i < to; i++) {
      Piece before = pieces.get(i - 1);
      Piece piece = pieces.get(i);
      int last = before.first() + (before.count() - 1) * before.stride();
      if (before.localStart() + before.count() != piece.localStart() || piece.first() <= last) {
        return false;
      }
    }
    return true;
  }

  /**
   * A rank's own queries and keys of a document in document order: whatever lies between the
   * pieces, later local tokens see earlier ones, so the mask is one triangle in local indices.
   */
  private static void addTriangle(List<Piece> pieces, int from, int to, List<AttentionTile> tiles) {
    int start = pieces.get(from).localStart();
    Piece last = pieces.get(to - 1);
    int count = last.localStart() + last.count() - start;
    add(start, count, start, count, 0, FAR, tiles);
  }

  private void addPairs(List<Piece> queries, List<Piece> keys, List<AttentionTile> tiles) {
    for (Piece query : queries) {
      for (Piece key : keys) {
        addPair(query, key, tiles);
      }
    }
  }

  private void addPair(Piece query, Piece key, List<AttentionTile> tiles) {
    if (query.count() > 1 && key.count() > 1 && query.stride() != key.stride()) {
      // No band in local indices describes this; one query at a time does.
      for (int i = 0; i < query.count(); i++) {
        addPair(query.part(i, 1), key, tiles);
      }
      return;
    }
    int stride = query.count() > 1 ? query.stride() : key.stride();
    // Visible iff 0 <= (query.first + i·stride) − (key.first + j·stride) < window.
    int ahead = key.first() - query.first();
    long least = Math.ceilDiv(ahead, stride);
    long most = window == 0 ? FAR : Math.floorDiv((long) window - 1 + ahead, (long) stride);
    add(query.localStart(), query.count(), key.localStart(), key.count(), least, most, tiles);
  }

  /** Adds the band {@code least <= i − j <= most} of a rectangle, trimmed; nothing if empty. */
  private static void add(
      int queryStart,
      int queryCount,
      int keyStart,
      int keyCount,
      long least,
      long most,
      List<AttentionTile> tiles) {
    // Query i sees key j only if some j in range has i − j >= least (j = 0 is best), and <= most.
    int firstQuery = (int) Math.max(0, Math.min(queryCount, least));
    int endQuery = (int) Math.max(0, Math.min(queryCount, most + keyCount));
    int firstKey = (int) Math.max(0, Math.min(keyCount, -most));
    int endKey = (int) Math.max(0, Math.min(keyCount, queryCount - least));
    int queries = endQuery - firstQuery;
    int keys = endKey - firstKey;
    if (queries <= 0 || keys <= 0 || least > most) {
      return;
    }
    long shift = (long) firstQuery - firstKey;
    long min = least - shift;
    long max = most - shift;
    AttentionTile tile =
        new AttentionTile(
            queryStart + firstQuery,
            queries,
            keyStart + firstKey,
            keys,
            min <= 1 - keys ? -AttentionTile.UNLIMITED : (int) min,
            max >= queries - 1 ? AttentionTile.UNLIMITED : (int) max);
    AttentionTile before = tiles.isEmpty() ? tile : tiles.getLast();
    if (!tiles.isEmpty() && before.isFull() && tile.isFull() && before.touches(tile)) {
      tiles.set(tiles.size() - 1, before.joined(tile));
    } else {
      tiles.add(tile);
    }
  }
}
