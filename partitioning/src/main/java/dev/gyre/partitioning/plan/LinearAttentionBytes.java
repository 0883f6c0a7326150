package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.partitioning.model.ModelSpec;

/**
 * Exact bytes that one linear-attention layer sends for a row, forward and backward.
 *
 * @param elementBytes bytes of the compute dtype
 */
public record LinearAttentionBytes(int heads, int kvHeads, int headDim, int elementBytes) {
  private static final long F32_BYTES = 4;

  public static LinearAttentionBytes of(ModelSpec model, int elementBytes) {
    return new LinearAttentionBytes(
        model.heads().queries(), model.heads().keyValues(), model.heads().size(), elementBytes);
  }

  /** A state: [H,D,D] in f32. */
  public long state() {
    return F32_BYTES * heads * headDim * headDim;
  }

  /** States that a rank sends: to later ranks that continue its document, and back. */
  public long states(LinearAttentionLayout layout, int rank) {
    long messages = 0;
    for (int other = 0; other < layout.ranks(); other++) {
      messages += layout.continues(rank, other) || layout.continues(other, rank) ? 1 : 0;
    }
    return messages * state();
  }

  /** The part of {@link #states} that the forward pass sends. */
  long forwardStates(LinearAttentionLayout layout, int rank) {
    long messages = 0;
    for (int other = 0; other < layout.ranks(); other++) {
      messages += layout.continues(rank, other) ? 1 : 0;
    }
    return messages * state();
  }

  /**
   * Bytes that a rank sends to redistribute tokens. Forward: q, k and v to the layer's layout, and
   * the output back. Backward: dOut, and then dq, dk and dv. Gradients of queries, keys and values
   * are f32, all else is in the compute dtype.
   */
  public long moves(LinearAttentionLayout layout, int rank) {
    long queries = (long) heads * headDim;
    long all = queries + 2L * kvHeads * headDim;
    return forwardMoves(layout, rank)
        + layout.away(rank) * queries * elementBytes
        + layout.received(rank) * all * F32_BYTES;
  }

  /** The part of {@link #moves} that the forward pass sends. */
  long forwardMoves(LinearAttentionLayout layout, int rank) {
    long queries = (long) heads * headDim;
    long all = queries + 2L * kvHeads * headDim;
    return (layout.away(rank) * all + layout.received(rank) * queries) * elementBytes;
  }
}
