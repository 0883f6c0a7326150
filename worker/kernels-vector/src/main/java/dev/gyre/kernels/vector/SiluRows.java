package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/**
 * {@link dev.gyre.kernels.Kernels#silu}; each run of elements is a row. Uses SwiGLU of {@link
 * VectorRows} with {@code up} = 1.
 */
final class SiluRows extends RowKernel {
  /** Floats of a run: seven runs stay in the first-level cache. */
  static final int RUN = 1024;

  private Tensor x = NONE;
  private Tensor y = NONE;

  SiluRows(RowThreads threads) {
    super(threads);
  }

  void run(Tensor x, Tensor y) {
    this.x = x;
    this.y = y;
    over((x.elements() + RUN - 1) / RUN, 1, x);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor x = this.x;
    Tensor y = this.y;
    long run = Scratch.bytes(RUN);
    long ones = scratch.reserve(4 * run + Scratch.bytes(Simd.LANES));
    VectorMove.fill(ones, RUN, 1);
    for (long at = first * RUN; at < Math.min(end * RUN, x.elements()); at += RUN) {
      int count = (int) Math.min(RUN, x.elements() - at);
      VectorRows.swiglu(
          F32View.read(x, at, count, ones + run),
          ones,
          F32View.target(y, at, ones + 2 * run),
          count,
          ones + 3 * run);
      F32View.written(y, at, count, ones + 2 * run);
    }
  }
}
