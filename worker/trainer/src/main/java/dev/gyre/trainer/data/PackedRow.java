package dev.gyre.trainer.data;

import dev.gyre.partitioning.layout.Documents;

/**
 * A row as pieces; a piece is consecutive tokens of one document and counts as a document of its
 * own in the row: tokens attend inside it, positions restart.
 *
 * @param document index in the store, of each piece
 * @param start store position of a piece's first token
 * @param length tokens of a piece
 * @param last whether the piece holds its document's last token, which has no label
 */
record PackedRow(int[] document, long[] start, int[] length, boolean[] last) {
  PackedRow(int pieces) {
    this(new int[pieces], new long[pieces], new int[pieces], new boolean[pieces]);
  }

  int pieces() {
    return document.length;
  }

  void set(int piece, int ofDocument, long from, int tokens, boolean endsDocument) {
    document[piece] = ofDocument;
    start[piece] = from;
    length[piece] = tokens;
    last[piece] = endsDocument;
  }

  /** The pieces as documents. */
  Documents documents() {
    return new Documents(length);
  }

  /**
   * Tokens that have a label: the marked ones but the last of each document, and those whose next
   * token lies in a prefix.
   *
   * @param unlabelled first tokens of each piece without a label
   */
  int labelled(LabelMarks marks, int unlabelled) {
    int labelled = 0;
    for (int piece = 0; piece < pieces(); piece++) {
      int withNext = length[piece] - (last[piece] ? 1 : 0);
      labelled += marks.count(start[piece] + unlabelled, Math.max(0, withNext - unlabelled));
    }
    return labelled;
  }
}
