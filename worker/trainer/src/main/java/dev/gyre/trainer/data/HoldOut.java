package dev.gyre.trainer.data;

import java.util.Arrays;
import java.util.Comparator;

/**
 * Splits documents into training and held-out ones, a pure function of (seed, documents, share).
 * Complete documents are held out, the number nearest to the share, at least one. Of a single
 * document the tail is held out.
 */
record HoldOut(DocumentSet train, DocumentSet heldOut) {

  static HoldOut of(TokenStore store, double share, long seed) {
    int n = store.documents();
    if (share > 0 && n == 1) {
      return tail(store, share);
    }
    boolean[] held = new boolean[n];
    int count = share > 0 ? Math.max(1, (int) Math.round(share * n)) : 0;
    if (count > 0) {
      long[] keys = new long[n];
      Integer[] order = new Integer[n];
      for (int d = 0; d < n; d++) {
        keys[d] = Hashing.hash(seed, Hashing.HOLD_OUT, store.nameHash(d), 0);
        order[d] = d;
      }
      Arrays.sort(order, Comparator.<Integer>comparingLong(d -> keys[d]).thenComparingInt(d -> d));
      for (int i = 0; i < count; i++) {
        held[order[i]] = true;
      }
    }
    return new HoldOut(pick(store, held, false), pick(store, held, true));
  }

  private static DocumentSet pick(TokenStore store, boolean[] held, boolean wanted) {
    int count = 0;
    for (boolean h : held) {
      count += h == wanted ? 1 : 0;
    }
    DocumentSet set = empty(count, store);
    for (int d = 0, at = 0; d < held.length; d++) {
      if (held[d] == wanted) {
        set(set, at++, store, d, store.start(d), Math.toIntExact(store.end(d) - store.start(d)));
      }
    }
    return set;
  }

  private static HoldOut tail(TokenStore store, double share) {
    int length = Math.toIntExact(store.tokens());
    int held = Math.min(length - 1, Math.max(1, (int) Math.round(share * length)));
    DocumentSet train = empty(1, store);
    set(train, 0, store, 0, 0, length - held);
    DocumentSet heldOut = empty(held > 0 ? 1 : 0, store);
    if (held > 0) {
      set(heldOut, 0, store, 0, length - held, held);
    }
    return new HoldOut(train, heldOut);
  }

  private static DocumentSet empty(int count, TokenStore store) {
    return new DocumentSet(
        new int[count],
        new long[count],
        new int[count],
        new int[count],
        new long[count],
        store.labels());
  }

  private static void set(
      DocumentSet set, int at, TokenStore store, int document, long start, int length) {
    set.stored()[at] = document;
    set.start()[at] = start;
    set.length()[at] = length;
    set.source()[at] = store.source(document);
    set.nameHash()[at] = store.nameHash(document);
  }
}
