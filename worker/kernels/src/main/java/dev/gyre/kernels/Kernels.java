package dev.gyre.kernels;

/**
 * The core kernels: a closed list that every backend implements, each defined by its plain twin in
 * {@link ScalarKernels} and held to it by {@code conformance}.
 *
 * <p>Legend of shapes: T tokens or rows, I and O input and output widths, H query heads, K
 * key/value heads, D head size, E experts, F expert width, V vocabulary, k experts per token, M
 * dispatched rows. "compute" is BF16 or F32, the same for all compute tensors of a call unless said
 * otherwise; arithmetic inside a kernel is f32, and sums have a fixed order, so that a rerun gives
 * the same bits. All tensors belong to the caller, may be empty, and do not overlap unless said.
 * "+=" means the kernel adds to what is there. Calls may return before the work is done on a
 * device; {@link Backend#synchronize} waits. A wrong shape or dtype throws {@link
 * IllegalArgumentException}.
 */
public interface Kernels {

  // --- movement -----------------------------------------------------------------------------

  /** x = value. Any float dtype. */
  void fill(Tensor x, float value);

  /** to = from, converting dtype (round to nearest even). Same number of elements. */
  void copy(Tensor from, Tensor to);

  /** into += x. Each BF16 or F32. */
  void add(Tensor x, Tensor into);

  /** x *= factor. F32. */
  void scale(Tensor x, float factor);

  /**
   * out[i] = table[indices[i]]; an index of −1 gives a zero row. table [R,W], out [M,W], any one
   * dtype.
   */
  void gatherRows(Tensor table, Tensor indices, Tensor out);

  /**
   * table[indices[i]] += rows[i], for i ascending; −1 skips. rows compute [M,W], table F32 [R,W].
   */
  void scatterAddRows(Tensor rows, Tensor indices, Tensor table);

  // --- linear -------------------------------------------------------------------------------

  /** y = x·wᵀ, or y += x·wᵀ. x compute [T,I], w compute [O,I], y compute or F32 [T,O]. */
  void linear(Tensor x, Tensor w, Tensor y, boolean accumulate);

  /** dx = dy·w, or dx += dy·w. dy compute [T,O], w compute [O,I], dx compute or F32 [T,I]. */
  void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate);

  /** dw += dyᵀ·x. dy compute [T,O], x compute [T,I], dw F32 [O,I]. */
  void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw);

  /**
   * Experts' {@link #linear}: rows {@code [offsets[e], offsets[e+1])} of x and y meet w[e]. x
   * compute [M,I], w compute [E,O,I], y compute or F32 [M,O], offsets of length E+1 from 0 to M.
   */
  void groupedLinear(Tensor x, Tensor w, int[] offsets, Tensor y);

  /** Experts' {@link #linearBackwardInput}, never accumulating. */
  void groupedLinearBackwardInput(Tensor dy, Tensor w, int[] offsets, Tensor dx);

  /** Experts' {@link #linearBackwardWeight}: dw F32 [E,O,I] +=. */
  void groupedLinearBackwardWeight(Tensor dy, Tensor x, int[] offsets, Tensor dw);

  /**
   * Weights changed: packed copies that a backend keeps of weight tensors (the w of the calls
   * above) are stale from here on. Called once after each optimizer step.
   */
  void weightsChanged();

  // --- norm, rope, activation ---------------------------------------------------------------

  /**
   * y = x · rstd · weight, rstd = 1/√(mean(x²) + eps), over the width. x compute or F32 [T,I],
   * weight F32 [I], y compute [T,I], rstd F32 [T]. Source: Zhang and Sennrich, RMSNorm, eq. 4.
   */
  void rmsNorm(Tensor x, Tensor weight, float eps, Tensor y, Tensor rstd);

  /** dx += and dweight F32 [I] += from dy compute or F32 [T,I]; dx F32 [T,I]. */
  void rmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, Tensor dweight);

  /**
   * table[t] = (cos, sin)(positions[t] · theta^(−2i/D)) for i below D/2: F32 [T, 2, D/2], angles
   * reduced in double. positions I32 [T]. Source: Su et al., RoFormer, eq. 15.
   */
  void ropeTable(Tensor positions, double theta, Tensor table);

  /**
   * Rotates x compute or F32 [T,H,D] in place, pairing element i with i + D/2 (the "rotate half"
   * convention); {@code inverse} rotates back, which is also the gradient. D is even.
   */
  void rope(Tensor x, Tensor table, boolean inverse);

  /** h = silu(gate)·up. gateUp compute [M,2F] holds gate then up in each row; h compute [M,F]. */
  void swiglu(Tensor gateUp, Tensor h);

  /** dGateUp compute [M,2F] from dh compute [M,F]. */
  void swigluBackward(Tensor dh, Tensor gateUp, Tensor dGateUp);

  // --- attention ----------------------------------------------------------------------------

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

  // --- linear attention ---------------------------------------------------------------------

  /** y = x·σ(x). x and y compute, equal shapes; y may be x. */
  void silu(Tensor x, Tensor y);

  /** dx = dy·silu'(x). x compute; dy and dx each compute or F32, of x's shape; dx may be dy. */
  void siluBackward(Tensor dy, Tensor x, Tensor dx);

  /**
   * Causal linear attention with decay: out_t = q_t·S_t with S_t = λ·S_{t−1} + k_t·v_tᵀ for each
   * query head's own λ; S is zero before a document's first token. q compute [T,H,D], k and v
   * compute [T,K,D], out compute [T,H,D]. Takes time in proportion to T.
   *
   * @param state F32 [H,D,D], keys by values: the state before the first token on entry, after the
   *     last on return. Source: Qin et al., Lightning Attention-2, algorithm 1.
   */
  void linearAttention(
      Tensor q, Tensor k, Tensor v, DecayPattern pattern, Tensor state, Tensor out);

  /**
   * What {@link #linearAttention} does to the state, without its output; or, {@code backward}, what
   * {@link #linearAttentionBackward} does to the state's gradient, without the others.
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

  // --- router -------------------------------------------------------------------------------

  /**
   * probs = softmax(logits), lse = logsumexp(logits); indices hold the k largest, best first, the
   * lower expert winning a tie; weights = softmax over the chosen logits (probs renormalised).
   * logits and probs F32 [T,E], lse F32 [T], indices I32 [T,k], weights F32 [T,k].
   */
  void routeTopK(Tensor logits, Tensor probs, Tensor lse, Tensor indices, Tensor weights);

  /**
   * dLogits F32 [T,E] = what comes through the weights (dWeights F32 [T,k]), plus the gradient
   * through probs when every token's dProbs is the vector probsGrad F32 [E], plus zGrad·lse·probs
   * (zGrad = 2·coefficient/tokens of the z-loss).
   */
  void routeTopKBackward(
      Tensor probs,
      Tensor lse,
      Tensor indices,
      Tensor weights,
      Tensor dWeights,
      Tensor probsGrad,
      float zGrad,
      Tensor dLogits);

  /**
   * out[t] += Σ_j weights[t,j]·rows[slots[t,j]]; a slot of −1 contributes nothing. rows compute
   * [M,W], slots I32 [T,k], weights F32 [T,k], out compute or F32 [T,W].
   */
  void combineRows(Tensor rows, Tensor slots, Tensor weights, Tensor out);

  /**
   * dRows[slots[t,j]] = weights[t,j]·dOut[t] and dWeights[t,j] = rows[slots[t,j]]·dOut[t] (0 for
   * slot −1). dOut compute or F32 [T,W], dRows compute [M,W]; every row of dRows is in one slot.
   */
  void combineRowsBackward(
      Tensor dOut, Tensor rows, Tensor slots, Tensor weights, Tensor dRows, Tensor dWeights);

  // --- loss and optimizer -------------------------------------------------------------------

  /**
   * Cross-entropy of logits F32 [T,V] against labels I32 [T] (−100: no label). losses F32 [T] = the
   * nats of each token, 0 where unlabelled; logits are overwritten by (softmax − onehot)·gradScale,
   * 0 where unlabelled.
   */
  void crossEntropy(Tensor logits, Tensor labels, float gradScale, Tensor losses);

  /** sum F64 [1] += Σ x, added in f64 in index order. x F32. */
  void sum(Tensor x, Tensor sum);

  /** sum F64 [1] += Σ x², in f64 with a fixed order. x F32. */
  void sumSquares(Tensor x, Tensor sum);

  /**
   * One AdamW step on F32 tensors of equal size, grad first multiplied by {@code gradScale}: m =
   * β₁m + (1−β₁)g, v = β₂v + (1−β₂)g², w −= lr·(m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + eps) + decay·w).
   * Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, algorithm 2.
   *
   * @param step t, from 1
   */
  void adamW(
      Tensor w,
      Tensor m,
      Tensor v,
      Tensor grad,
      float gradScale,
      float lr,
      float beta1,
      float beta2,
      float eps,
      float decay,
      long step);
}
