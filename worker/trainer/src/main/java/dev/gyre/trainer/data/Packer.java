package dev.gyre.trainer.data;

/**
 * Packs documents into rows of at most N tokens: a pure function of (seed, epoch, documents, N).
 *
 * <p>Best fit takes pieces by decreasing length and puts each into the fullest row with room, so
 * only documents longer than N are cut. Equal lengths come in random order, which differs by epoch.
 * Source: Ding et al. 2024, "Fewer Truncations Improve Language Modeling", algorithm 1. Concat
 * concatenates shuffled documents and cuts after every N tokens.
 *
 * <p>Packing takes 8 bytes of heap a piece (a document, or a part of one longer than a row) and 16
 * a row; half of that is kept.
 */
final class Packer {
  private static final int PIECE_BYTES = 2 * Integer.BYTES;
  private static final int ROW_BYTES = 4 * Integer.BYTES;

  private final DocumentSet documents;
  private final Draws draws;
  private final int rowTokens;
  private final long seed;
  private final long epoch;
  private final long heapBytes;

  private Packer(
      DocumentSet documents,
      double[] weights,
      int rowTokens,
      long seed,
      long epoch,
      long heapBytes) {
    this.documents = documents;
    this.draws = new Draws(documents, weights, seed, epoch);
    this.rowTokens = rowTokens;
    this.seed = seed;
    this.epoch = epoch;
    this.heapBytes = heapBytes;
  }

  /**
   * @param weights how often a document of each source is drawn; a fraction by a hash
   * @param bestFit best fit, or concat
   * @param heapBytes most heap to pack in
   * @throws DataException if there are too many documents for that heap
   */
  static PackedIndex pack(
      DocumentSet documents,
      double[] weights,
      boolean bestFit,
      int rowTokens,
      long seed,
      long epoch,
      long heapBytes) {
    Packer packer = new Packer(documents, weights, rowTokens, seed, epoch, heapBytes);
    Totals totals = packer.totals();
    return bestFit ? packer.bestFit(totals) : packer.concat(totals);
  }

  private long key(long part) {
    return Hashing.hash(seed, Hashing.PACK, epoch, part);
  }

  /**
   * What is drawn.
   *
   * @param drawn documents, one drawn twice counted twice
   * @param pieces of at most a row, of all drawn documents
   * @param tokens of all drawn documents
   * @param longDocuments that are longer than a row; each once
   * @param longPieces of them; each document once
   * @param cut documents drawn that are longer than a row
   */
  private record Totals(
      long drawn, long pieces, long tokens, int longDocuments, long longPieces, long cut) {}

  private Totals totals() {
    long drawn = 0;
    long pieces = 0;
    long tokens = 0;
    int longDocuments = 0;
    long longPieces = 0;
    long cut = 0;
    for (int d = 0; d < documents.count(); d++) {
      long times = draws.times(d);
      if (times > 0) {
        long length = documents.length(d);
        long own = piecesOf(length);
        drawn += times;
        pieces += times * own;
        tokens += times * length;
        if (own > 1) {
          longDocuments++;
          longPieces += own;
          cut += times;
        }
      }
    }
    return new Totals(drawn, pieces, tokens, longDocuments, longPieces, cut);
  }

  private long piecesOf(long length) {
    return (length - 1) / rowTokens + 1;
  }

  /** Refuses what the heap, or an int, cannot hold; else what packing takes. */
  private long requireRoom(long pieces, long rows) {
    long bytes = PIECE_BYTES * pieces + ROW_BYTES * rows;
    boolean countable = documents.count() + pieces < Integer.MAX_VALUE && rows < Integer.MAX_VALUE;
    if (bytes > heapBytes || !countable) {
      throw new DataException(
          ("dataset.train: packing an epoch of %,d documents and pieces of documents into %,d rows"
                  + " takes %,d MB of memory, the limit is %,d MB; join short documents, raise"
                  + " train.sequence-length, or lower dataset.train.weight")
              .formatted(pieces, rows, bytes >> 20, heapBytes >> 20));
    }
    return bytes;
  }

  private PackedIndex bestFit(Totals totals) {
    // Any two rows hold more than N tokens together, else the later one had not been begun.
    long mostRows = Math.min(totals.pieces, 2 * (totals.tokens / rowTokens) + 2);
    long bytes = requireRoom(totals.pieces, mostRows);
    LongDocuments cut = longDocuments(totals);
    int[] end = new int[rowTokens + 1];
    int[] ids = fallingLength((int) totals.pieces, cut, end);
    int[] place = new int[ids.length];
    int[] rowCount = new int[(int) mostRows];
    int rows = 0;
    FreeSpace free = new FreeSpace(rowTokens, (int) mostRows);
    int length = rowTokens;
    for (int i = 0; i < ids.length; i++) {
      while (i == end[length]) {
        length--;
      }
      int space = free.leastAtLeast(length);
      int row = space < 0 ? rows++ : free.take(space);
      place[i] = row;
      rowCount[row]++;
      int left = (space < 0 ? rowTokens : space) - length;
      if (left > 0) {
        free.put(row, left);
      }
    }
    int[] rowStart = layOut(ids, place, rowCount, rows);
    PackStats stats =
        new PackStats(rows, rowTokens, totals.tokens, totals.drawn, totals.cut, bytes);
    return new BestFitIndex(cut, ids, rowStart, stats);
  }

  private LongDocuments longDocuments(Totals totals) {
    int[] document = new int[totals.longDocuments];
    int[] first = new int[totals.longDocuments + 1];
    int at = 0;
    for (int d = 0; at < document.length; d++) {
      if (documents.length(d) > rowTokens && draws.times(d) > 0) {
        document[at] = d;
        first[at + 1] = first[at] + (int) piecesOf(documents.length(d));
        at++;
      }
    }
    return new LongDocuments(documents, rowTokens, document, first);
  }

  /**
   * Ids of all pieces by falling length, equal ones in random order: a counting sort.
   *
   * @param next zeros; written: behind the last piece of each length
   */
  private int[] fallingLength(int pieces, LongDocuments cut, int[] next) {
    forEachPiece(cut, id -> next[cut.lengthOf(id)]++);
    int at = 0;
    for (int length = rowTokens; length >= 0; length--) {
      int count = next[length];
      next[length] = at;
      at += count;
    }
    int[] ids = new int[pieces];
    forEachPiece(cut, id -> ids[next[cut.lengthOf(id)]++] = id);
    int from = 0;
    for (int length = rowTokens; length > 0; length--) {
      Hashing.shuffle(ids, from, next[length], key(-3 - (long) length));
      from = next[length];
    }
    return ids;
  }

  private interface PieceAction {
    void piece(int id);
  }

  private void forEachPiece(LongDocuments cut, PieceAction action) {
    int longOne = 0;
    for (int d = 0; d < documents.count(); d++) {
      int times = draws.times(d);
      if (times == 0) {
        continue;
      }
      boolean isLong = documents.length(d) > rowTokens;
      int from = isLong ? cut.firstId(longOne) : d;
      int to = isLong ? cut.firstId(++longOne) : d + 1;
      for (int t = 0; t < times; t++) {
        for (int id = from; id < to; id++) {
          action.piece(id);
        }
      }
    }
  }

  /**
   * Puts the pieces of each row side by side, rows and pieces of a row in random order, in place.
   *
   * @param row of each piece; overwritten
   * @return first piece of each row, then the number of pieces
   */
  private int[] layOut(int[] ids, int[] row, int[] rowCount, int rows) {
    int[] order = shuffledRows(rows);
    int[] rowStart = new int[rows + 1];
    for (int i = 0; i < rows; i++) {
      rowStart[i + 1] = rowStart[i] + rowCount[order[i]];
      rowCount[order[i]] = rowStart[i];
    }
    for (int i = 0; i < ids.length; i++) {
      row[i] = rowCount[row[i]]++;
    }
    for (int i = 0; i < ids.length; i++) {
      while (row[i] != i) {
        int to = row[i];
        int id = ids[to];
        ids[to] = ids[i];
        ids[i] = id;
        row[i] = row[to];
        row[to] = to;
      }
    }
    for (int i = 0; i < rows; i++) {
      // Otherwise short documents would always be last.
      Hashing.shuffle(ids, rowStart[i], rowStart[i + 1], key(i) + 1);
    }
    return rowStart;
  }

  private int[] shuffledRows(int rows) {
    int[] order = new int[rows];
    for (int i = 0; i < rows; i++) {
      order[i] = i;
    }
    Hashing.shuffle(order, 0, rows, key(-2));
    return order;
  }

  private PackedIndex concat(Totals totals) {
    long rows = (totals.tokens + rowTokens - 1) / rowTokens;
    long bytes = requireRoom(totals.drawn, rows);
    int[] drawn = new int[(int) totals.drawn];
    int at = 0;
    for (int d = 0; d < documents.count(); d++) {
      for (int t = draws.times(d); t > 0; t--) {
        drawn[at++] = d;
      }
    }
    Hashing.shuffle(drawn, 0, drawn.length, key(-1));
    int[] first = new int[(int) rows];
    long[] offset = new long[(int) rows];
    long begin = 0;
    long cut = 0;
    int row = 0;
    for (int i = 0; i < drawn.length; i++) {
      long end = begin + documents.length(drawn[i]);
      for (; (long) row * rowTokens < end; row++) {
        first[row] = i;
        offset[row] = (long) row * rowTokens - begin;
      }
      cut += begin / rowTokens != (end - 1) / rowTokens ? 1 : 0;
      begin = end;
    }
    PackStats stats = new PackStats((int) rows, rowTokens, totals.tokens, totals.drawn, cut, bytes);
    return new ConcatIndex(documents, drawn, first, offset, shuffledRows((int) rows), stats);
  }
}
