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

  /**
   * Gives each head one more key with score sinks[h] and value 0, after all other keys are merged:
   * lse' = logaddexp(lse, sinks[h]), out' = out·exp(lse − lse'). sinks F32 [H], out F32 [T,H,D],
   * lse F32 [T,H]. A row with lse = −∞ keeps its out and gets lse' = sinks[h]. Source: OpenAI,
   * gpt-oss-120b & gpt-oss-20b Model Card.
   */
  void attentionSinks(Tensor sinks, Tensor out, Tensor lse);

  /**
   * dsinks F32 [H] += −Σ_t exp(sinks[h] − lse[t,h])·delta[t,h], with the lse that {@link
   * #attentionSinks} returned and the delta of its out. lse and delta F32 [T,H]. Rows with lse = −∞
   * contribute nothing.
   */
  void attentionSinksBackward(Tensor sinks, Tensor lse, Tensor delta, Tensor dsinks);

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
