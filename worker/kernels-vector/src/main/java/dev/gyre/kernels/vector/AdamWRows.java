package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#adamW}; each parameter is a row. */
final class AdamWRows extends RowKernel {
  /** Parts begin at multiples of this many parameters: whole cache lines. */
  private static final int GRAIN = 1 << 12;

  /** Most elements of one call of the primitive, whose count is an int. */
  private static final int MOST = 1 << 20;

  private Tensor w = NONE;
  private Tensor m = NONE;
  private Tensor v = NONE;
  private Tensor grad = NONE;
  private float gradScale;
  private float lr;
  private float beta1;
  private float beta2;
  private float eps;
  private float decay;
  private float correction1;
  private float correction2;

  AdamWRows(RowThreads threads) {
    super(threads);
  }

  void run(
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
      long step) {
    this.w = w;
    this.m = m;
    this.v = v;
    this.grad = grad;
    this.gradScale = gradScale;
    this.lr = lr;
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.eps = eps;
    this.decay = decay;
    correction1 = (float) (1 / (1 - StrictMath.pow(beta1, (double) step)));
    correction2 = (float) (1 / (1 - StrictMath.pow(beta2, (double) step)));
    over(w.elements(), GRAIN, w);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor w = this.w;
    Tensor m = this.m;
    Tensor v = this.v;
    Tensor grad = this.grad;
    for (long i = first; i < end; i += MOST) {
      VectorRows.adamW(
          F32View.address(w, i),
          F32View.address(m, i),
          F32View.address(v, i),
          F32View.address(grad, i),
          (int) Math.min(MOST, end - i),
          gradScale,
          lr,
          beta1,
          beta2,
          eps,
          decay,
          correction1,
          correction2);
    }
  }
}
