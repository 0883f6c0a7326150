package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/**
 * {@link dev.gyre.kernels.Kernels#rmsNormBackward}. The weight's gradient is summed over runs of
 * rows first, then over the runs in order.
 */
final class RmsNormBackwardRows extends RowKernel {
  /** Rows of one partial sum of the weight's gradient, for any number of threads. */
  private static final int RUN = 256;

  private final Scratch sums;
  private Tensor dy = NONE;
  private Tensor x = NONE;
  private Tensor weight = NONE;
  private Tensor rstd = NONE;
  private Tensor dx = NONE;
  private long partial;

  /**
   * @param sums memory for a call's partial sums, shared by all threads
   */
  RmsNormBackwardRows(RowThreads threads, Scratch sums) {
    super(threads);
    this.sums = sums;
  }

  void run(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, Tensor dweight) {
    this.dy = dy;
    this.x = x;
    this.weight = weight;
    this.rstd = rstd;
    this.dx = dx;
    int width = Math.toIntExact(x.dim(1));
    long rowBytes = Scratch.bytes(width);
    int runs = Math.toIntExact((x.dim(0) + RUN - 1) / RUN);
    partial = sums.reserve(runs * rowBytes);
    over(x.dim(0), RUN, x);
    for (int run = 0; run < runs; run++) {
      VectorMove.add(partial + run * rowBytes, dweight.address(), width);
    }
  }

  /**
   * @param first a multiple of {@link #RUN}
   */
  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor dy = this.dy;
    Tensor x = this.x;
    Tensor weight = this.weight;
    Tensor rstd = this.rstd;
    Tensor dx = this.dx;
    int width = Math.toIntExact(x.dim(1));
    long rowBytes = Scratch.bytes(width);
    long lanes = scratch.reserve(2 * rowBytes + Scratch.bytes(Simd.LANES));
    long gradient = lanes + Scratch.bytes(Simd.LANES);
    long in = gradient + rowBytes;
    for (long t = first; t < end; t++) {
      long dweight = partial + t / RUN * rowBytes;
      if (t % RUN == 0) {
        VectorMove.fill(dweight, width, 0);
      }
      VectorRows.rmsNormBackward(
          F32View.read(dy, t * width, width, gradient),
          F32View.read(x, t * width, width, in),
          weight.address(),
          Simd.get(rstd.address() + 4 * t),
          dx.address() + 4 * t * width,
          dweight,
          width,
          lanes);
    }
  }
}
