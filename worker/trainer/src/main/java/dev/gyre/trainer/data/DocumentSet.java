package dev.gyre.trainer.data;

/**
 * Some of a store's documents, or parts of them: the training or the held-out ones. Documents are
 * named by their index in the store.
 */
interface DocumentSet {
  /** Documents of the store: indexes are below it. */
  int count();

  /** Store position of the first token that belongs to the set. */
  long start(int document);

  /** Tokens that belong to the set; 0 if the document is not in it. */
  long length(int document);

  /** Index of the source. */
  int source(int document);

  /** Of the whole store. */
  LabelMarks labels();

  /** Tokens of all documents in the set. */
  default long tokens() {
    long sum = 0;
    for (int d = 0; d < count(); d++) {
      sum += length(d);
    }
    return sum;
  }

  /** Documents in the set. */
  default int members() {
    int members = 0;
    for (int d = 0; d < count(); d++) {
      members += length(d) > 0 ? 1 : 0;
    }
    return members;
  }
}
