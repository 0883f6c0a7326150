package dev.gyre.kernels;

/**
 * Causal linear attention with decay. The legend of shapes and the common rules are in {@link
 * Kernels}.
 */
public interface LinearAttentionKernels {
  /**
   * Causal linear attention with decay: out_t = q_t·S_t with S_t = λ·S_{t−1} + k_t·v_tᵀ for each
   * query head's own λ; S is zero before a document's first token. q compute [T,H,D], k and v
   * compute [T,K,D], out compute [T,H,D]. Its time is proportional to T.
   *
   * @param state F32 [H,D,D], keys by values: the state before the first token on entry, after the
   *     last on return. Source: Qin et al., Lightning Attention-2, algorithm 1.
   */
  void linearAttention(
      Tensor q, Tensor k, Tensor v, DecayPattern pattern, Tensor state, Tensor out);

  /**
   * Updates the state as {@link #linearAttention} does, without computing the output. With {@code
   * backward}, updates the state's gradient as {@link #linearAttentionBackward} does, without the
   * other gradients.
   *
   * @param a keys compute [T,K,D]; backward, queries compute [T,H,D]
   * @param b values, or dOut, like a
   * @param state F32 [H,D,D]
   */
  void linearAttentionState(
      Tensor a, Tensor b, DecayPattern pattern, boolean backward, Tensor state);

  /**
   * dq F32 [T,H,D], dk and dv F32 [T,K,D] += the gradients of {@link #linearAttention}. dOut
   * compute [T,H,D]. Source: Qin et al., Lightning Attention-2, algorithm 2.
   *
   * @param state F32 [H,D,D] before the first token; not changed
   * @param dState F32 [H,D,D]: the gradient of the state after the last token on entry, of the one
   *     before the first on return
   */
  void linearAttentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      DecayPattern pattern,
      Tensor state,
      Tensor dOut,
      Tensor dState,
      Tensor dq,
      Tensor dk,
      Tensor dv);
}
