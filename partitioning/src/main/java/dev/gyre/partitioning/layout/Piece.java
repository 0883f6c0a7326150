package dev.gyre.partitioning.layout;

import java.util.ArrayList;
import java.util.List;

/**
 * Tokens of one document that are contiguous in a rank's local order and evenly spaced in the
 * document: local index {@code localStart + i} holds the document's token {@code first + i·stride}.
 * With pieces, the mask between two ranks can be computed arithmetically for every layout.
 *
 * @param stride at least 1; 1 for a piece of one token
 */
public record Piece(int document, int localStart, int count, int first, int stride) {

  /** A ring rank's complete local order, as pieces from one greedy pass. */
  public static List<Piece> of(SequenceLayout layout, int ringRank) {
    Documents documents = layout.documents();
    List<Piece> pieces = new ArrayList<>();
    Piece last = new Piece(-1, 0, 0, 0, 1);
    int local = 0;
    for (TokenRange run : layout.runs(ringRank)) {
      int position = run.start();
      while (position < run.end()) {
        int document = documents.documentOf(position);
        int end = Math.min(run.end(), documents.start(document + 1));
        int first = position - documents.start(document);
        int count = end - position;
        int stride = last.strideTo(document, first, count);
        if (stride > 0) {
          last = new Piece(document, last.localStart, last.count + count, last.first, stride);
          pieces.set(pieces.size() - 1, last);
        } else {
          last = new Piece(document, local, count, first, 1);
          pieces.add(last);
        }
        local += count;
        position = end;
      }
    }
    return pieces;
  }

  /** The stride if consecutive tokens continue this piece, else 0. */
  private int strideTo(int nextDocument, int nextFirst, int nextCount) {
    if (nextDocument != document) {
      return 0;
    }
    int gap = nextFirst - last();
    boolean fits = gap > 0 && (count == 1 || gap == stride) && (nextCount == 1 || gap == 1);
    return fits ? gap : 0;
  }

  /** Local index after the last token. */
  public int localEnd() {
    return localStart + count;
  }

  /** Position of the last token in its document. */
  public int last() {
    return first + (count - 1) * stride;
  }

  /**
   * Index in this piece of the first token at or after a position; {@code count} if there is none.
   */
  public int indexFrom(int place) {
    if (place <= first) {
      return 0;
    }
    return place > last() ? count : Math.ceilDiv(place - first, stride);
  }

  /** Tokens {@code [from, from + length)} of this piece. */
  public Piece part(int from, int length) {
    return new Piece(
        document, localStart + from, length, first + from * stride, length == 1 ? 1 : stride);
  }
}
