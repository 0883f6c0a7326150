package dev.gyre.kernels;

/**
 * Choosing experts for tokens, and mixing what the experts return. The legend of shapes and the
 * common rules are in {@link Kernels}.
 */
public interface RouterKernels {
  /**
   * probs = softmax(logits), lse = logsumexp(logits); indices hold the k largest, best first, the
   * lower expert winning a tie. logits and probs F32 [T,E], lse F32 [T], indices I32 [T,k], weights
   * F32 [T,k].
   *
   * @param renormalise weights = softmax over the chosen logits (probs renormalised), else the
   *     chosen probs
   */
  void routeTopK(
      Tensor logits, boolean renormalise, Tensor probs, Tensor lse, Tensor indices, Tensor weights);

  /**
   * dLogits F32 [T,E] = the gradient through the weights (dWeights F32 [T,k]), plus the gradient
   * through probs when every token's dProbs is the vector probsGrad F32 [E], plus zGrad·lse·probs
   * (zGrad = 2·coefficient/tokens of the z-loss).
   *
   * @param renormalise as in {@link #routeTopK}
   */
  void routeTopKBackward(
      Tensor probs,
      Tensor lse,
      Tensor indices,
      Tensor weights,
      boolean renormalise,
      Tensor dWeights,
      Tensor probsGrad,
      float zGrad,
      Tensor dLogits);

  /**
   * scores = σ(logits); an expert's choice is scores + bias, in F32. Experts lie in {@code groups}
   * equal consecutive groups. A group's value is the sum of its two largest choices (of its one, if
   * it has one). Of the {@code chosenGroups} groups with the largest values, indices hold the
   * experts with the k largest choices, best first; the lower group or expert wins a tie. weights =
   * scale · scores of the chosen, without the bias. logits and scores F32 [T,E], bias F32 [E],
   * indices I32 [T,k], weights F32 [T,k]; k ≤ chosenGroups·E/groups. Source: DeepSeek-AI,
   * DeepSeek-V3 Technical Report, eq. 12–16.
   *
   * @param groups divides E
   * @param renormalise divides the chosen scores by (their sum + 1e-20) before the scale
   */
  void routeGroups(
      Tensor logits,
      Tensor bias,
      int groups,
      int chosenGroups,
      boolean renormalise,
      float scale,
      Tensor scores,
      Tensor indices,
      Tensor weights);

  /**
   * dLogits F32 [T,E] = the gradient through the weights (dWeights F32 [T,k]), which reaches the
   * chosen scores only; 0 for the other experts. Shapes as in {@link #routeGroups}.
   */
  void routeGroupsBackward(
      Tensor scores,
      Tensor indices,
      boolean renormalise,
      float scale,
      Tensor dWeights,
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
