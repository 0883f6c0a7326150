package dev.gyre.trainer.data;

import java.util.BitSet;
import java.util.function.IntToLongFunction;

/**
 * Documents by rising hash until they have so many tokens; equal hashes in document order. A radix
 * selection: memory does not depend on the number of documents but for a bit each.
 *
 * @param whole documents that fit
 * @param next the first that did not fit; -1 if all did
 * @param left tokens that were still wanted then
 */
record HashedChoice(BitSet whole, int next, long left) {
  private static final int BITS = 16;
  private static final int MASK = (1 << BITS) - 1;

  /**
   * @param length tokens of a document; one with none is passed over
   */
  static HashedChoice of(
      int documents, IntToLongFunction hash, IntToLongFunction length, long wanted) {
    long bound = 0;
    long left = wanted;
    for (int shift = Long.SIZE - BITS; shift >= 0; shift -= BITS) {
      long[] tokens = histogram(documents, hash, length, bound, shift);
      int digit = 0;
      while (digit < MASK && tokens[digit] <= left) {
        left -= tokens[digit++];
      }
      bound |= (long) digit << shift;
    }
    return choose(documents, hash, length, bound, left);
  }

  /** Tokens by the next digit, of the hashes whose digits so far are those of the bound. */
  private static long[] histogram(
      int documents, IntToLongFunction hash, IntToLongFunction length, long bound, int shift) {
    long[] tokens = new long[1 << BITS];
    int above = shift + BITS;
    for (int d = 0; d < documents; d++) {
      long h = hash.applyAsLong(d);
      if (above == Long.SIZE || h >>> above == bound >>> above) {
        tokens[(int) (h >>> shift) & MASK] += length.applyAsLong(d);
      }
    }
    return tokens;
  }

  private static HashedChoice choose(
      int documents,
      IntToLongFunction hash,
      IntToLongFunction length,
      long bound,
      long leftAtBound) {
    BitSet whole = new BitSet(documents);
    int next = -1;
    long left = leftAtBound;
    for (int d = 0; d < documents; d++) {
      long tokens = length.applyAsLong(d);
      int order = tokens == 0 ? 1 : Long.compareUnsigned(hash.applyAsLong(d), bound);
      if (order < 0) {
        whole.set(d);
      } else if (order == 0 && next < 0) {
        if (tokens <= left) {
          whole.set(d);
          left -= tokens;
        } else {
          next = d;
        }
      }
    }
    return new HashedChoice(whole, next, left);
  }
}
