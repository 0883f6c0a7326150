package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.SiluRows.RUN;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#siluBackward}, as {@link SiluRows}. */
final class SiluBackwardRows extends RowKernel {
  private Tensor dy = NONE;
  private Tensor x = NONE;
  private Tensor dx = NONE;

  SiluBackwardRows(RowThreads threads) {
    super(threads);
  }

  void run(Tensor dy, Tensor x, Tensor dx) {
    this.dy = dy;
    this.x = x;
    this.dx = dx;
    over((x.elements() + RUN - 1) / RUN, 1, x);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor dy = this.dy;
    Tensor x = this.x;
    Tensor dx = this.dx;
    long run = Scratch.bytes(RUN);
    long ones = scratch.reserve(6 * run + Scratch.bytes(Simd.LANES));
    VectorMove.fill(ones, RUN, 1);
    for (long at = first * RUN; at < Math.min(end * RUN, x.elements()); at += RUN) {
      int count = (int) Math.min(RUN, x.elements() - at);
      VectorRows.swigluBackward(
          F32View.read(dy, at, count, ones + run),
          F32View.read(x, at, count, ones + 2 * run),
          ones,
          F32View.target(dx, at, ones + 3 * run),
          ones + 4 * run,
          count,
          ones + 5 * run);
      F32View.written(dx, at, count, ones + 3 * run);
    }
  }
}
