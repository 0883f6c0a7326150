package dev.gyre.trainer.data;

import java.util.BitSet;

/**
 * Parts documents into training and held-out ones, a pure function of (seed, documents, share), by
 * tokens. Whole documents are held out, by a hash of what they hold, so that a name means nothing;
 * of the one that would be too many its tail is held out and its head is trained on. A generated
 * task is held out whole or not at all.
 */
record HoldOut(DocumentSet train, DocumentSet heldOut) {
  /** A single token has no label: there is nothing to evaluate. */
  private static final int LEAST = 2;

  /** A corpus of fewer tokens is not split. */
  private static final int LEAST_CORPUS = 8;

  static HoldOut of(TokenStore store, double share, long seed) {
    long wanted = wanted(store.tokens(), share);
    if (wanted == 0) {
      BitSet none = new BitSet();
      return new HoldOut(new Part(store, none, -1, 0, false), new Part(store, none, -1, 0, true));
    }
    HashedChoice choice =
        HashedChoice.of(
            store.documents(),
            d -> Hashing.hash(seed, Hashing.HOLD_OUT, store.key(d), 0),
            d -> candidate(store.end(d) - store.start(d)),
            wanted);
    BitSet held = choice.whole();
    int cut = choice.next();
    long tail = choice.left();
    if (cut >= 0 && isTask(store, cut)) {
      long length = store.end(cut) - store.start(cut);
      if (2 * tail >= length || (held.isEmpty() && store.documents() > 1)) {
        held.set(cut);
      }
      cut = -1;
    }
    if (tail < LEAST) {
      cut = -1;
    }
    return new HoldOut(
        new Part(store, held, cut, tail, false), new Part(store, held, cut, tail, true));
  }

  private static long wanted(long tokens, double share) {
    if (share <= 0 || tokens < LEAST_CORPUS) {
      return 0;
    }
    return Math.max(LEAST, Math.round(share * tokens));
  }

  /** Documents without a label stay with the training ones. */
  private static long candidate(long length) {
    return length < LEAST ? 0 : length;
  }

  private static boolean isTask(TokenStore store, int document) {
    return store.sources().get(store.source(document)).startsWith(RecallDocuments.SCHEME);
  }

  /**
   * One side of the split.
   *
   * @param held documents that are held out whole
   * @param cut the document of which a tail is held out; -1 for none
   * @param tail its tokens
   * @param heldSide whether this is the held-out side
   */
  private record Part(TokenStore store, BitSet held, int cut, long tail, boolean heldSide)
      implements DocumentSet {
    @Override
    public int count() {
      return store.documents();
    }

    @Override
    public long start(int document) {
      return document == cut && heldSide ? store.end(cut) - tail : store.start(document);
    }

    @Override
    public long length(int document) {
      long whole = store.end(document) - store.start(document);
      if (document == cut) {
        return heldSide ? tail : whole - tail;
      }
      return held.get(document) == heldSide ? whole : 0;
    }

    @Override
    public int source(int document) {
      return store.source(document);
    }

    @Override
    public LabelMarks labels() {
      return store.labels();
    }
  }
}
