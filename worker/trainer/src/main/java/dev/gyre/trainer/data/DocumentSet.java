package dev.gyre.trainer.data;

/**
 * Some of a store's documents, in store order: the training or the held-out ones.
 *
 * @param stored index in the store
 * @param start store position of the first token
 * @param length tokens
 * @param source index of the source
 * @param nameHash key of random choices about a document: independent of the other documents
 * @param labels of the whole store
 */
record DocumentSet(
    int[] stored, long[] start, int[] length, int[] source, long[] nameHash, LabelMarks labels) {

  int count() {
    return stored.length;
  }

  long tokens() {
    long sum = 0;
    for (int n : length) {
      sum += n;
    }
    return sum;
  }
}
