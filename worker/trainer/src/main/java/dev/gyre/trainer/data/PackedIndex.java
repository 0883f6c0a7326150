package dev.gyre.trainer.data;

import dev.gyre.partitioning.layout.Documents;

/**
 * The rows of one epoch, in training order. A row is a list of pieces; a piece is consecutive
 * tokens of one document and counts as a document of its own in the row: tokens attend inside it,
 * positions restart. Immutable.
 */
final class PackedIndex {
  private final DocumentSet documents;
  private final int[] rowStart;
  private final int[] pieceDocument;
  private final int[] pieceFrom;
  private final int[] pieceLength;
  private final PackStats stats;

  /**
   * @param rowStart first piece of each row, then the number of pieces
   * @param pieceFrom index of a piece's first token in its document
   */
  PackedIndex(
      DocumentSet documents,
      int[] rowStart,
      int[] pieceDocument,
      int[] pieceFrom,
      int[] pieceLength,
      PackStats stats) {
    this.documents = documents;
    this.rowStart = rowStart;
    this.pieceDocument = pieceDocument;
    this.pieceFrom = pieceFrom;
    this.pieceLength = pieceLength;
    this.stats = stats;
  }

  int rows() {
    return rowStart.length - 1;
  }

  PackStats stats() {
    return stats;
  }

  /** The row's pieces as documents. */
  Documents documents(int row) {
    int[] lengths = new int[rowStart[row + 1] - rowStart[row]];
    System.arraycopy(pieceLength, rowStart[row], lengths, 0, lengths.length);
    return new Documents(lengths);
  }

  /**
   * Tokens of a row that have a label: marked, not the last of their document, and with a next
   * token outside a prefix.
   *
   * @param unlabelled first tokens of each piece without a label
   */
  int labelled(int row, int unlabelled) {
    int labelled = 0;
    for (int piece = rowStart[row]; piece < rowStart[row + 1]; piece++) {
      long from = documents.start()[pieceDocument[piece]] + pieceFrom[piece] + unlabelled;
      int withNext = pieceLength[piece] - (endsDocument(piece) ? 1 : 0);
      labelled += documents.labels().count(from, Math.max(0, withNext - unlabelled));
    }
    return labelled;
  }

  int piece(int row, int document) {
    return rowStart[row] + document;
  }

  int document(int piece) {
    return pieceDocument[piece];
  }

  int from(int piece) {
    return pieceFrom[piece];
  }

  int length(int piece) {
    return pieceLength[piece];
  }

  /** Whether the piece holds its document's last token, which has no label. */
  boolean endsDocument(int piece) {
    return pieceFrom[piece] + pieceLength[piece] == documents.length()[pieceDocument[piece]];
  }

  DocumentSet set() {
    return documents;
  }
}
