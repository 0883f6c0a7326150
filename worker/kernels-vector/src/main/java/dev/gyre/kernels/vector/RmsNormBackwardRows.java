package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#rmsNormBackward}. */
final class RmsNormBackwardRows extends SummedRows {
  private Tensor dy = NONE;
  private Tensor x = NONE;
  private Tensor weight = NONE;
  private Tensor rstd = NONE;
  private Tensor dx = NONE;

  /**
   * @param sums memory for a call's partial sums, shared by all threads
   */
  RmsNormBackwardRows(RowThreads threads, Scratch sums) {
    super(threads, sums);
  }

  void run(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, Tensor dweight) {
    this.dy = dy;
    this.x = x;
    this.weight = weight;
    this.rstd = rstd;
    this.dx = dx;
    sumOver(x.dim(0), x, dweight);
  }

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
      VectorRows.rmsNormBackward(
          F32View.read(dy, t * width, width, gradient),
          F32View.read(x, t * width, width, in),
          weight.address(),
          Simd.get(rstd.address() + 4 * t),
          dx.address() + 4 * t * width,
          sumsOf(t),
          width,
          lanes);
    }
  }
}
