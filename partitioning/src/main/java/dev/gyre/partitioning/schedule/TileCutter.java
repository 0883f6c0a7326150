package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.layout.Piece;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.mask.AttentionMask;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Cuts the mask between two ranks' tokens into rectangles. Within a document a mask has at most
 * three rectangles, each with a band of distances: the prefix, in which every token sees every
 * other; the sinks; and the window or triangle. The anchor is one key, with one rectangle for all
 * documents that do not contain it. Cost is proportional to the documents that both ranks hold, not
 * to tokens squared.
 */
public final class TileCutter {
  /** Larger than every delta, and small enough that adding to it does not overflow. */
  private static final long FAR = 1L << 40;

  private static final int BLOCK = 64;

  private final AttentionMask mask;
  private final List<List<Piece>> pieces = new ArrayList<>();
  private final List<Span> spans = new ArrayList<>();

  /** Of {@value #BLOCK} ranks each. */
  private final List<Span> blocks = new ArrayList<>();

  public TileCutter(SequenceLayout layout, AttentionMask mask) {
    this.mask = mask;
    for (int r = 0; r < layout.ring(); r++) {
      List<Piece> own = Piece.of(layout, r);
      // Layouts made here are in document order already; others may not be.
      own.sort(Comparator.comparingInt(Piece::document));
      Span span = Span.of(own);
      pieces.add(own);
      spans.add(span);
      if (r % BLOCK == 0) {
        blocks.add(span);
      } else {
        blocks.set(r / BLOCK, blocks.getLast().and(span));
      }
    }
  }

  /**
   * The next key owner of which a rank's queries may see a key. Skips the many ranks that are too
   * far away, {@value #BLOCK} at a time.
   *
   * @param from the first to consider
   * @return the number of ranks if there is none
   */
  int nextMeeting(int queryOwner, int from) {
    Span queries = spans.get(queryOwner);
    int key = from;
    while (key < spans.size()) {
      if (key % BLOCK == 0 && !mayMeet(queries, blocks.get(key / BLOCK))) {
        key += BLOCK;
      } else if (mayMeet(queries, spans.get(key))) {
        return key;
      } else {
        key++;
      }
    }
    return spans.size();
  }

  /** False only if no query of the ones sees a key of the others. */
  private boolean mayMeet(Span queries, Span keys) {
    if (mask.anchor()) {
      return true;
    }
    if (queries.firstDocument > keys.lastDocument || keys.firstDocument > queries.lastDocument) {
      return false;
    }
    if (queries.documents() > 1 || keys.documents() > 1) {
      return true;
    }
    if (keys.first > queries.last) {
      return keys.first < mask.prefix();
    }
    return mask.window() == 0
        || queries.first - keys.last < mask.window()
        || keys.first < Math.max(mask.prefix(), mask.sinksOf(keys.firstDocument));
  }

  /**
   * What a rank holds, or several.
   *
   * @param first of the positions in their documents
   * @param last of the positions in their documents
   */
  private record Span(int firstDocument, int lastDocument, int first, int last) {
    static Span of(List<Piece> pieces) {
      Span span = new Span(Integer.MAX_VALUE, -1, Integer.MAX_VALUE, -1);
      for (Piece p : pieces) {
        span = span.and(new Span(p.document(), p.document(), p.first(), p.last()));
      }
      return span;
    }

    Span and(Span other) {
      return new Span(
          Math.min(firstDocument, other.firstDocument),
          Math.max(lastDocument, other.lastDocument),
          Math.min(first, other.first),
          Math.max(last, other.last));
    }

    /** How many documents it may hold. */
    int documents() {
      return lastDocument - firstDocument + 1;
    }
  }

  /**
   * The tiles between one rank's queries and one rank's keys. Together they contain every visible
   * pair exactly once, and no rectangles overlap. They are trimmed to rows and columns with a
   * visible pair. Ordered by document, the anchor last.
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
        boolean triangle = queryOwner == keyOwner && inOrder(queries, q, queryEnd);
        addDocument(queries.subList(q, queryEnd), keys.subList(k, keyEnd), triangle, tiles);
        q = queryEnd;
        k = keyEnd;
      }
    }
    if (mask.anchor()) {
      addAnchor(queries, keys, tiles);
    }
    return tiles;
  }

  /**
   * @param triangle whether these are one rank's queries and keys, in order
   */
  private void addDocument(
      List<Piece> queries, List<Piece> keys, boolean triangle, List<AttentionTile> tiles) {
    int prefix = mask.prefix();
    List<Piece> behind = queries;
    if (prefix > 0) {
      addWhole(between(queries, 0, prefix), between(keys, 0, prefix), tiles);
      behind = between(queries, prefix, Integer.MAX_VALUE);
    }
    if (mask.window() == 0 || mostDistance(behind, keys) < mask.window()) {
      addBand(behind, keys, FAR, triangle, tiles);
      return;
    }
    int sinks = mask.sinksOf(keys.getFirst().document());
    List<Piece> inWindow = keys;
    if (sinks > 0) {
      addBand(behind, between(keys, 0, sinks), FAR, triangle, tiles);
      inWindow = between(keys, sinks, Integer.MAX_VALUE);
    }
    addBand(behind, inWindow, mask.window() - 1L, triangle, tiles);
  }

  /**
   * Largest distance from a key to a query. Below the window, no window needs to be cut and no sink
   * is outside of it.
   */
  private static int mostDistance(List<Piece> queries, List<Piece> keys) {
    int last = 0;
    for (Piece query : queries) {
      last = Math.max(last, query.last());
    }
    int first = Integer.MAX_VALUE;
    for (Piece key : keys) {
      first = Math.min(first, key.first());
    }
    return last - first;
  }

  /** The tokens at positions {@code [from, to)} of the document. */
  private static List<Piece> between(List<Piece> pieces, int from, int to) {
    List<Piece> inside = new ArrayList<>();
    for (Piece piece : pieces) {
      int first = piece.indexFrom(from);
      int count = piece.indexFrom(to) - first;
      if (count > 0) {
        inside.add(piece.part(first, count));
      }
    }
    return inside;
  }

  /** The row's first token, seen by the queries of all documents but its own. */
  private void addAnchor(List<Piece> queries, List<Piece> keys, List<AttentionTile> tiles) {
    for (Piece key : keys) {
      if (key.document() == 0 && key.first() == 0) {
        List<Piece> others = new ArrayList<>();
        for (Piece query : queries) {
          if (mask.seesAnchorElsewhere(query.document())) {
            others.add(query);
          }
        }
        addWhole(others, List.of(key.part(0, 1)), tiles);
      }
    }
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
      if (before.localEnd() != piece.localStart() || piece.first() <= before.last()) {
        return false;
      }
    }
    return true;
  }

  /** Every query with every key. */
  private static void addWhole(List<Piece> queries, List<Piece> keys, List<AttentionTile> tiles) {
    List<TokenRange> keyRuns = localRuns(keys);
    for (TokenRange query : localRuns(queries)) {
      for (TokenRange key : keyRuns) {
        add(query.start(), query.length(), key.start(), key.length(), -FAR, FAR, tiles);
      }
    }
  }

  private static List<TokenRange> localRuns(List<Piece> pieces) {
    List<TokenRange> runs = new ArrayList<>();
    for (Piece piece : pieces) {
      if (!runs.isEmpty() && runs.getLast().end() == piece.localStart()) {
        TokenRange last = runs.removeLast();
        runs.add(new TokenRange(last.start(), last.length() + piece.count()));
      } else {
        runs.add(new TokenRange(piece.localStart(), piece.count()));
      }
    }
    return runs;
  }

  /** Keys at most this far before the query, and none after it. */
  private static void addBand(
      List<Piece> queries,
      List<Piece> keys,
      long mostDistance,
      boolean triangle,
      List<AttentionTile> tiles) {
    if (triangle && mostDistance == FAR) {
      addTriangle(queries, keys, tiles);
      return;
    }
    for (Piece query : queries) {
      for (Piece key : keys) {
        addPair(query, key, mostDistance, tiles);
      }
    }
  }

  /**
   * A rank's own queries and keys of a document, in document order. Whatever is between the pieces,
   * later local tokens see earlier ones, so the mask is one triangle in local indices.
   */
  private static void addTriangle(
      List<Piece> queries, List<Piece> keys, List<AttentionTile> tiles) {
    if (queries.isEmpty() || keys.isEmpty()) {
      return;
    }
    int query = queries.getFirst().localStart();
    int key = keys.getFirst().localStart();
    int queryCount = queries.getLast().localEnd() - query;
    int keyCount = keys.getLast().localEnd() - key;
    add(query, queryCount, key, keyCount, (long) key - query, FAR, tiles);
  }

  private static void addPair(
      Piece query, Piece key, long mostDistance, List<AttentionTile> tiles) {
    if (query.count() > 1 && key.count() > 1 && query.stride() != key.stride()) {
      // No band in local indices describes this, so it is cut query by query.
      for (int i = 0; i < query.count(); i++) {
        addPair(query.part(i, 1), key, mostDistance, tiles);
      }
      return;
    }
    int stride = query.count() > 1 ? query.stride() : key.stride();
    // Visible iff 0 <= (query.first + i·stride) − (key.first + j·stride) <= mostDistance.
    int ahead = key.first() - query.first();
    long least = Math.ceilDiv(ahead, stride);
    long most = Math.floorDiv(mostDistance + ahead, (long) stride);
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
