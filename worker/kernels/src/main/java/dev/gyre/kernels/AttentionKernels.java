package dev.gyre.kernels;

/**
 * Softmax attention over tiles. The legend of shapes and the common rules are in {@link Kernels}.
 */
public interface AttentionKernels {
  /**
   * Adds the tiles' keys to a running softmax: on return (out, lse) cover what they covered before
   * and the visible pairs of the tiles. Start with out = 0, lse = −∞; a query that saw no key keeps
   * them. q compute [Tq,H,D], k and v compute [Tk,K,D], out F32 [Tq,H,D] (normalised), lse F32
   * [Tq,H] (natural log). {@code kvHeadOf[h]} names the key/value head of query head h. Source:
   * Dao, FlashAttention-2, algorithm 1; merging as in ring-flash-attention.
   */
  void attention(
      Tensor q,
      Tensor k,
      Tensor v,
      int[] kvHeadOf,
      AttentionTiles tiles,
      float scale,
      Tensor out,
      Tensor lse);

  /**
   * Merges a partial result over other keys into a running one: lse' = logaddexp(lse, lseB), out' =
   * out + (outB − out)·exp(lseB − lse'). Two empty rows stay empty. Shapes as in {@link
   * #attention}.
   */
  void attentionMerge(Tensor outB, Tensor lseB, Tensor out, Tensor lse);

  /** delta[t,h] = Σ out·dOut. out and dOut each compute or F32 [Tq,H,D], delta F32 [Tq,H]. */
  void attentionDelta(Tensor out, Tensor dOut, Tensor delta);

  /**
   * dq, dk, dv (all F32) += the gradients of the tiles' visible pairs, given the final lse and
   * delta. dOut compute [Tq,H,D]. Rows with lse = −∞ contribute nothing. Source: Dao,
   * FlashAttention-2, algorithm 2.
   */
  void attentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      int[] kvHeadOf,
      AttentionTiles tiles,
      float scale,
      Tensor dOut,
      Tensor lse,
      Tensor delta,
      Tensor dq,
      Tensor dk,
      Tensor dv);
}
