package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#rmsNorm}. */
final class RmsNormRows extends RowKernel {
  private Tensor x = NONE;
  private Tensor weight = NONE;
  private float eps;
  private Tensor y = NONE;
  private Tensor rstd = NONE;

  RmsNormRows(RowThreads threads) {
    super(threads);
  }

  void run(Tensor x, Tensor weight, float eps, Tensor y, Tensor rstd) {
    this.x = x;
    this.weight = weight;
    this.eps = eps;
    this.y = y;
    this.rstd = rstd;
    over(x.dim(0), 1, x);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor x = this.x;
    Tensor weight = this.weight;
    Tensor y = this.y;
    Tensor rstd = this.rstd;
    int width = Math.toIntExact(x.dim(1));
    long rowBytes = Scratch.bytes(width);
    long lanes = scratch.reserve(2 * rowBytes + Scratch.bytes(Simd.LANES));
    long in = lanes + Scratch.bytes(Simd.LANES);
    long out = in + rowBytes;
    for (long t = first; t < end; t++) {
      long from = F32View.read(x, t * width, width, in);
      long to = F32View.target(y, t * width, out);
      float r = VectorRows.rmsNorm(from, weight.address(), eps, to, width, lanes);
      Simd.set(rstd.address() + 4 * t, r);
      F32View.written(y, t * width, width, out);
    }
  }
}
