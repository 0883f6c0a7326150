package dev.gyre.kernels;

/**
 * Choosing experts for tokens, and mixing what the experts return. The legend of shapes and the
 * common rules are in {@link Kernels}.
 */
public interface RouterKernels {
  /**
   * probs = softmax(logits), lse = logsumexp(logits); indices hold the k largest, best first, the
   * lower expert winning a tie; weights = softmax over the chosen logits (probs renormalised).
   * logits and probs F32 [T,E], lse F32 [T], indices I32 [T,k], weights F32 [T,k].
   */
  void routeTopK(Tensor logits, Tensor probs, Tensor lse, Tensor indices, Tensor weights);

  /**
   * dLogits F32 [T,E] = the gradient through the weights (dWeights F32 [T,k]), plus the gradient
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
}
