package dev.gyre.model.port;

import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.partitioning.mask.AttentionMask;
import org.jspecify.annotations.Nullable;

/**
 * One row of tokens, opened on the ranks that share it. Every rank enters every call, in the same
 * order, even with zero tokens. Several rows may be open at once.
 */
public interface SequenceRow {

  /**
   * Softmax attention inside each document over the whole row.
   *
   * <p>T are this rank's tokens. The call saves what backward needs in {@code workspace}. It keeps
   * references to q, k, v and out, which must stay valid until {@link #backward}.
   *
   * @param q compute [T,H,D], rotated; k, v compute [T,K,D]
   * @param mask which keys a query sees
   * @param scale factor on the products of queries and keys
   * @param sinks of all heads; null for none
   * @param out compute [T,H,D], written
   */
  Saved attention(
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionMask mask,
      float scale,
      @Nullable SinkLogits sinks,
      Tensor out,
      Workspace workspace);

  /**
   * Causal linear attention with decay inside each document over the whole row. Saves like {@link
   * #attention}.
   *
   * @param q compute [T,H,D]; k, v compute [T,K,D]
   * @param slopes of each query head: a token n positions back counts exp(−slope·n)
   * @param out compute [T,H,D], written
   */
  Saved linearAttention(
      Tensor q, Tensor k, Tensor v, float[] slopes, Tensor out, Workspace workspace);

  /**
   * Gradients of one {@link #attention} or {@link #linearAttention}; scratch comes from the
   * workspace and is released.
   *
   * @param sinks of the forward call, at the addresses of now; null for none
   * @param dOut compute [T,H,D]
   * @param dq F32 [T,H,D], written; dk, dv F32 [T,K,D], written
   */
  void backward(
      Saved saved,
      @Nullable SinkLogits sinks,
      Tensor dOut,
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Workspace workspace);

  /** Sums over the ranks of the row, in rank order; every rank gets the sums. */
  void sumOverRow(double[] values);

  /** State of one attention call for its backward. */
  interface Saved {
    /**
     * Whether backward reads q, k and v of the call. If not, it has kept copies, and {@link
     * #withInputs} need not be called.
     */
    boolean readsInputs();

    /**
     * The same state with recomputed inputs at other addresses. {@code out} and the call's
     * allocations in the workspace must still be valid.
     *
     * @param q q, k and v must equal those of the call, bit for bit
     */
    Saved withInputs(Tensor q, Tensor k, Tensor v);
  }
}
