package dev.gyre.trainer.data;

/**
 * How often each document is drawn in an epoch: its source's weight, a fraction of it by a hash.
 */
final class Draws {
  private final DocumentSet documents;
  private final double[] weights;
  private final long seed;
  private final long epoch;
  private final boolean once;

  Draws(DocumentSet documents, double[] weights, long seed, long epoch) {
    this.documents = documents;
    this.weights = weights;
    this.seed = seed;
    this.epoch = epoch;
    boolean all = true;
    for (double weight : weights) {
      all &= weight == 1;
    }
    this.once = all;
  }

  /** 0 for a document that is not in the set. */
  int times(int document) {
    if (documents.length(document) == 0) {
      return 0;
    }
    if (once) {
      return 1;
    }
    double weight = weights[documents.source(document)];
    int times = (int) Math.floor(weight);
    double fraction = weight - times;
    if (fraction == 0) {
      return times;
    }
    double unit = Hashing.unit(Hashing.hash(seed, Hashing.DRAW, epoch, document));
    return unit < fraction ? times + 1 : times;
  }
}
