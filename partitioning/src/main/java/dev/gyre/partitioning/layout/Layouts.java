package dev.gyre.partitioning.layout;

import dev.gyre.partitioning.mesh.EvenCut;

/**
 * Creates layouts. Each is a pure function of the arguments, so every rank derives the same layout.
 */
public final class Layouts {
  /**
   * Fewest tokens of a zigzag chunk by default. A tile edge under 64 rows no longer fills a matmul
   * block, so a cut below it costs more than the imbalance it removes.
   */
  public static final int DEFAULT_MIN_CHUNK = 64;

  private Layouts() {}

  /**
   * A row's layout. With a ring of one every kind is contiguous.
   *
   * @param ring ranks of the ring, at least 1
   * @param ulysses ranks that share each ring rank's tokens, at least 1
   * @param minChunk zigzag cuts a document in 2·ring chunks if each gets at least this many tokens;
   *     other kinds ignore it
   */
  public static SequenceLayout of(
      LayoutKind kind, Documents documents, int ring, int ulysses, int minChunk) {
    if (ring < 1 || ulysses < 1 || minChunk < 1) {
      throw new IllegalArgumentException(
          "ring %d, ulysses %d and chunk of %d tokens must be at least 1"
              .formatted(ring, ulysses, minChunk));
    }
    if (ring == 1) {
      return contiguous(documents, 1, ulysses);
    }
    return switch (kind) {
      case CONTIGUOUS -> contiguous(documents, ring, ulysses);
      case STRIPED -> striped(documents, ring, ulysses);
      case ZIGZAG -> new RangeLayout(documents, ulysses, Zigzag.cut(documents, ring, minChunk));
    };
  }

  private static SequenceLayout contiguous(Documents documents, int ring, int ulysses) {
    TokenRanges[] lists = TokenRanges.perRank(ring);
    int tokens = documents.tokens();
    for (int r = 0; r < ring; r++) {
      int start = Math.toIntExact(EvenCut.start(tokens, ring, r));
      lists[r].add(start, Math.toIntExact(EvenCut.start(tokens, ring, r + 1)) - start);
    }
    return new RangeLayout(documents, ulysses, lists);
  }

  private static SequenceLayout striped(Documents documents, int ring, int ulysses) {
    TokenRanges[] lists = TokenRanges.perRank(ring);
    for (int position = 0; position < documents.tokens(); position++) {
      lists[position % ring].add(position, 1);
    }
    return new RangeLayout(documents, ulysses, lists);
  }
}
