package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.ClampRows.RUN;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#clampBackward}, as {@link ClampRows}. */
final class ClampBackwardRows extends RowKernel {
  private Tensor dy = NONE;
  private Tensor x = NONE;
  private float limit;
  private Tensor dx = NONE;

  ClampBackwardRows(RowThreads threads) {
    super(threads);
  }

  void run(Tensor dy, Tensor x, float limit, Tensor dx) {
    this.dy = dy;
    this.x = x;
    this.limit = limit;
    this.dx = dx;
    over((x.elements() + RUN - 1) / RUN, 1, x);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor dy = this.dy;
    Tensor x = this.x;
    Tensor dx = this.dx;
    long run = Scratch.bytes(RUN);
    long gradient = scratch.reserve(2 * run);
    for (long at = first * RUN; at < Math.min(end * RUN, x.elements()); at += RUN) {
      int count = (int) Math.min(RUN, x.elements() - at);
      VectorClamp.clampBackward(
          F32View.read(dy, at, count, gradient),
          F32View.read(x, at, count, gradient + run),
          F32View.target(dx, at, gradient),
          count,
          limit);
      F32View.written(dx, at, count, gradient);
    }
  }
}
