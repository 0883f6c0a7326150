package dev.gyre.trainer.data;

import java.util.Arrays;

/**
 * Packs documents into rows of at most N tokens: a pure function of (seed, epoch, documents, N).
 *
 * <p>Best fit takes pieces by decreasing length and puts each into the fullest row with room, so
 * only documents longer than N are cut. Equal lengths come in random order, which differs by epoch.
 * Source: Ding et al. 2024, "Fewer Truncations Improve Language Modeling", algorithm 1. Concat
 * concatenates shuffled documents and cuts after every N tokens.
 */
final class Packer {
  private final DocumentSet documents;
  private final int rowTokens;
  private final long seed;
  private final long epoch;

  private Packer(DocumentSet documents, int rowTokens, long seed, long epoch) {
    this.documents = documents;
    this.rowTokens = rowTokens;
    this.seed = seed;
    this.epoch = epoch;
  }

  /**
   * @param weights how often a document of each source is drawn; a fraction by a hash of its name
   * @param bestFit best fit, or concat
   */
  static PackedIndex pack(
      DocumentSet documents,
      double[] weights,
      boolean bestFit,
      int rowTokens,
      long seed,
      long epoch) {
    Packer packer = new Packer(documents, rowTokens, seed, epoch);
    int[] drawn = packer.draw(weights);
    return bestFit ? packer.bestFit(drawn) : packer.concat(drawn);
  }

  private long key(long part) {
    return Hashing.hash(seed, Hashing.PACK, epoch, part);
  }

  private int[] draw(double[] weights) {
    int[] drawn = new int[documents.count()];
    int count = 0;
    for (int d = 0; d < documents.count(); d++) {
      double weight = weights[documents.source()[d]];
      int times = (int) Math.floor(weight);
      double unit = Hashing.unit(Hashing.hash(seed, Hashing.DRAW, epoch, documents.nameHash()[d]));
      times += unit < weight - times ? 1 : 0;
      if (count + (long) times > Integer.MAX_VALUE - 8) {
        throw new DataException(
            "dataset.train.weight: an epoch would draw more than 2^31 documents; lower the weights");
      }
      if (count + times > drawn.length) {
        drawn = Arrays.copyOf(drawn, (int) Math.min(Integer.MAX_VALUE - 8, 2L * (count + times)));
      }
      Arrays.fill(drawn, count, count + times, d);
      count += times;
    }
    return Arrays.copyOf(drawn, count);
  }

  private PackedIndex bestFit(int[] drawn) {
    long pieceCount = 0;
    for (int d : drawn) {
      pieceCount += (documents.length()[d] - 1L) / rowTokens + 1;
    }
    Pieces pieces = new Pieces(pieceCount);
    for (int d : drawn) {
      int length = documents.length()[d];
      for (int from = 0; from < length; from += rowTokens) {
        pieces.add(d, from, Math.min(rowTokens, length - from));
        if (length - from <= rowTokens) {
          break; // from + rowTokens might overflow
        }
      }
    }
    int[] order = fallingLength(pieces);
    // A row's pieces as a linked list: the newest, and for each piece the one before it.
    int[] newest = new int[pieces.count];
    int[] before = new int[pieces.count];
    int rows = 0;
    FreeSpace free = new FreeSpace(rowTokens, pieces.count);
    for (int piece : order) {
      int length = pieces.length[piece];
      int space = free.leastAtLeast(length);
      int row = space < 0 ? rows++ : free.take(space);
      before[piece] = space < 0 ? -1 : newest[row];
      newest[row] = piece;
      int left = (space < 0 ? rowTokens : space) - length;
      if (left > 0) {
        free.put(row, left);
      }
    }
    int[][] members = new int[rows][];
    for (int row = 0; row < rows; row++) {
      int count = 0;
      for (int piece = newest[row]; piece >= 0; piece = before[piece]) {
        count++;
      }
      members[row] = new int[count];
      for (int piece = newest[row]; piece >= 0; piece = before[piece]) {
        members[row][--count] = piece;
      }
      // Otherwise short documents would always be last.
      Hashing.shuffle(members[row], 0, members[row].length, key(row) + 1);
    }
    return index(pieces, members, drawn.length);
  }

  /**
   * Pieces by decreasing length, equal ones in random order: a counting sort of a shuffled list.
   */
  private int[] fallingLength(Pieces pieces) {
    int[] shuffled = new int[pieces.count];
    Arrays.setAll(shuffled, i -> i);
    Hashing.shuffle(shuffled, 0, shuffled.length, key(-1));
    int[] end = new int[rowTokens + 1];
    for (int i = 0; i < pieces.count; i++) {
      end[pieces.length[i]]++;
    }
    int at = 0;
    for (int length = rowTokens; length >= 0; length--) {
      int count = end[length];
      end[length] = at;
      at += count;
    }
    int[] order = new int[pieces.count];
    for (int piece : shuffled) {
      order[end[pieces.length[piece]]++] = piece;
    }
    return order;
  }

  private PackedIndex concat(int[] drawn) {
    Hashing.shuffle(drawn, 0, drawn.length, key(-1));
    long total = 0;
    for (int d : drawn) {
      total += documents.length()[d];
    }
    int rows = Math.toIntExact((total + rowTokens - 1) / rowTokens);
    Pieces pieces = new Pieces((long) drawn.length + rows);
    int[] rowEnd = new int[rows];
    int row = 0;
    int used = 0;
    for (int d : drawn) {
      int length = documents.length()[d];
      int from = 0;
      while (from < length) {
        int count = Math.min(rowTokens - used, length - from);
        pieces.add(d, from, count);
        from += count;
        used += count;
        rowEnd[row] = pieces.count;
        if (used == rowTokens) {
          row++;
          used = 0;
        }
      }
    }
    int[][] members = new int[rows][];
    for (int r = 0, first = 0; r < rows; first = rowEnd[r++]) {
      int start = first;
      members[r] = new int[rowEnd[r] - first];
      Arrays.setAll(members[r], i -> start + i);
    }
    return index(pieces, members, drawn.length);
  }

  /** Shuffles the rows and stores their pieces in that order. */
  private PackedIndex index(Pieces pieces, int[][] members, int drawn) {
    int rows = members.length;
    int[] order = new int[rows];
    Arrays.setAll(order, i -> i);
    Hashing.shuffle(order, 0, rows, key(-2));
    int[] rowStart = new int[rows + 1];
    Pieces laid = new Pieces(pieces.count);
    long tokens = 0;
    for (int row = 0; row < rows; row++) {
      for (int piece : members[order[row]]) {
        laid.add(pieces.document[piece], pieces.from[piece], pieces.length[piece]);
        tokens += pieces.length[piece];
      }
      rowStart[row + 1] = laid.count;
    }
    long cut = 0;
    for (int i = 0; i < laid.count; i++) {
      boolean whole = laid.length[i] == documents.length()[laid.document[i]];
      cut += laid.from[i] == 0 && !whole ? 1 : 0;
    }
    PackStats stats = new PackStats(rows, rowTokens, tokens, drawn, cut);
    return new PackedIndex(documents, rowStart, laid.document, laid.from, laid.length, stats);
  }

  /** A list of pieces, one array for each property. */
  private static final class Pieces {
    private final int[] document;
    private final int[] from;
    private final int[] length;
    private int count;

    Pieces(long capacity) {
      if (capacity > Integer.MAX_VALUE - 8) {
        throw new DataException(
            "dataset: an epoch of %,d document pieces is more than can be packed; raise"
                    .formatted(capacity)
                + " train.sequence-length, or give fewer documents");
      }
      document = new int[(int) capacity];
      from = new int[(int) capacity];
      length = new int[(int) capacity];
    }

    void add(int ofDocument, int first, int tokens) {
      document[count] = ofDocument;
      from[count] = first;
      length[count] = tokens;
      count++;
    }
  }
}
