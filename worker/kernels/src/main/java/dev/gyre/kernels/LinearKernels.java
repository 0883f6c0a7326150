package dev.gyre.kernels;

/**
 * Dense and grouped matrix products. The legend of shapes and the common rules are in {@link
 * Kernels}.
 */
public interface LinearKernels {
  /** y = x·wᵀ, or y += x·wᵀ. x compute [T,I], w compute [O,I], y compute or F32 [T,O]. */
  void linear(Tensor x, Tensor w, Tensor y, boolean accumulate);

  /** dx = dy·w, or dx += dy·w. dy compute [T,O], w compute [O,I], dx compute or F32 [T,I]. */
  void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate);

  /** dw += dyᵀ·x. dy compute [T,O], x compute [T,I], dw F32 [O,I]. */
  void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw);

  /**
   * Experts' {@link #linear}: rows {@code [offsets[e], offsets[e+1])} of x and y are multiplied
   * with w[e]. x compute [M,I], w compute [E,O,I], y compute or F32 [M,O], offsets of length E+1
   * from 0 to M.
   */
  void groupedLinear(Tensor x, Tensor w, int[] offsets, Tensor y);

  /** Experts' {@link #linearBackwardInput}, never accumulating. */
  void groupedLinearBackwardInput(Tensor dy, Tensor w, int[] offsets, Tensor dx);

  /** Experts' {@link #linearBackwardWeight}: dw F32 [E,O,I] +=. */
  void groupedLinearBackwardWeight(Tensor dy, Tensor x, int[] offsets, Tensor dw);
}
