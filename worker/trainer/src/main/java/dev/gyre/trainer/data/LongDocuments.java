package dev.gyre.trainer.data;

import java.util.Arrays;

/**
 * Pieces of at most a row, by number: a document that fits a row has its own index as number; the
 * pieces of longer ones, each but the last a full row, have the numbers behind all documents.
 *
 * @param document the longer ones, rising
 * @param first piece of each of them, counted from 0, then the number of all their pieces
 */
record LongDocuments(DocumentSet documents, int rowTokens, int[] document, int[] first) {
  int firstId(int longDocument) {
    return documents.count() + first[longDocument];
  }

  int lengthOf(int id) {
    if (id < documents.count()) {
      return (int) documents.length(id);
    }
    int at = longDocument(id);
    long from = from(id, at);
    return (int) Math.min(rowTokens, documents.length(document[at]) - from);
  }

  private long from(int id, int longDocument) {
    return (long) (id - documents.count() - first[longDocument]) * rowTokens;
  }

  private int longDocument(int id) {
    int found = Arrays.binarySearch(first, 0, document.length, id - documents.count());
    return found >= 0 ? found : -found - 2;
  }

  /** Writes a piece into a row. */
  void put(int id, PackedRow row, int piece) {
    if (id < documents.count()) {
      row.set(piece, id, documents.start(id), (int) documents.length(id), true);
      return;
    }
    int at = longDocument(id);
    int whole = document[at];
    long from = from(id, at);
    long length = documents.length(whole);
    int tokens = (int) Math.min(rowTokens, length - from);
    row.set(piece, whole, documents.start(whole) + from, tokens, from + tokens == length);
  }
}
