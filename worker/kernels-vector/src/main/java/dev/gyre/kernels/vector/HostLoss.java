package dev.gyre.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;

import dev.gyre.kernels.LossKernels;
import dev.gyre.kernels.Tensor;

/** Cross-entropy, sums and the optimizer step, on host memory. */
final class HostLoss implements LossKernels {
  /** Most elements of one call of a primitive, whose count is an int. */
  private static final int RUN = 1 << 20;

  private final CrossEntropyRows crossEntropy;
  private final AdamWRows adamW;

  /** Memory of the calling thread. */
  private final Scratch scratch;

  HostLoss(RowThreads threads) {
    scratch = threads.scratch(0);
    crossEntropy = new CrossEntropyRows(threads);
    adamW = new AdamWRows(threads);
  }

  @Override
  public void crossEntropy(Tensor logits, Tensor labels, float gradScale, Tensor losses) {
    crossEntropy.run(logits, labels, gradScale, losses);
  }

  @Override
  public void sum(Tensor x, Tensor sum) {
    double total = Simd.ALL.get(JAVA_DOUBLE_UNALIGNED, sum.address());
    for (long i = 0; i < x.elements(); i += RUN) {
      total = VectorRows.sum(F32View.address(x, i), run(x, i), total);
    }
    Simd.ALL.set(JAVA_DOUBLE_UNALIGNED, sum.address(), total);
  }

  @Override
  public void sumSquares(Tensor x, Tensor sum) {
    double total = Simd.ALL.get(JAVA_DOUBLE_UNALIGNED, sum.address());
    long lanes = scratch.reserve(2L * Scratch.bytes(Simd.LANES));
    for (long i = 0; i < x.elements(); i += RUN) {
      total += VectorRows.sumSquares(F32View.address(x, i), run(x, i), lanes);
    }
    Simd.ALL.set(JAVA_DOUBLE_UNALIGNED, sum.address(), total);
  }

  @Override
  public void adamW(
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
    adamW.run(w, m, v, grad, gradScale, lr, beta1, beta2, eps, decay, step);
  }

  private static int run(Tensor x, long from) {
    return (int) Math.min(RUN, x.elements() - from);
  }
}
