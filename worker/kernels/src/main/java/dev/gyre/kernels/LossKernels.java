package dev.gyre.kernels;

/**
 * Cross-entropy, sums for the gradient norm, and the optimizer step. The legend of shapes and the
 * common rules are in {@link Kernels}.
 */
public interface LossKernels {
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
