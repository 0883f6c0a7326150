package dev.gyre.trainer.data;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Which of a store's tokens have their next token as a label: one bit per token, the lowest bit of
 * a byte first. In text every token is marked; in generated tasks only a few are.
 */
final class LabelMarks {
  /** Every token is marked. */
  static final LabelMarks ALL = new LabelMarks(MemorySegment.NULL);

  private final MemorySegment bits;

  LabelMarks(MemorySegment bits) {
    this.bits = bits;
  }

  static long bytes(long tokens) {
    return Math.ceilDiv(tokens, Byte.SIZE);
  }

  private boolean all() {
    return bits.byteSize() == 0;
  }

  private boolean marked(long token) {
    return (bits.get(ValueLayout.JAVA_BYTE, token >>> 3) >>> (token & 7) & 1) != 0;
  }

  /** Marked ones of the tokens {@code [from, from + count)} of the store. */
  int count(long from, int count) {
    if (all()) {
      return count;
    }
    int marked = 0;
    for (int i = 0; i < count; i++) {
      marked += marked(from + i) ? 1 : 0;
    }
    return marked;
  }

  /**
   * Removes the labels of tokens that are not marked.
   *
   * @param labels I32, of the tokens {@code [from, from + count)}, from element {@code at} on
   */
  void apply(long from, int count, MemorySegment labels, long at) {
    if (all()) {
      return;
    }
    for (int i = 0; i < count; i++) {
      if (!marked(from + i)) {
        labels.setAtIndex(ValueLayout.JAVA_INT, at + i, Feed.NO_LABEL);
      }
    }
  }
}
