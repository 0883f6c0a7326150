package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#clamp}; each run of elements is a row. */
final class ClampRows extends RowKernel {
  /** Elements of a run: as F32 they stay in the first-level cache. */
  static final int RUN = 1024;

  private Tensor x = NONE;
  private float limit;
  private Tensor y = NONE;

  ClampRows(RowThreads threads) {
    super(threads);
  }

  void run(Tensor x, float limit, Tensor y) {
    this.x = x;
    this.limit = limit;
    this.y = y;
    over((x.elements() + RUN - 1) / RUN, 1, x);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor x = this.x;
    Tensor y = this.y;
    long buffer = scratch.reserve(Scratch.bytes(RUN));
    for (long at = first * RUN; at < Math.min(end * RUN, x.elements()); at += RUN) {
      int count = (int) Math.min(RUN, x.elements() - at);
      long to = F32View.target(y, at, buffer);
      VectorClamp.clamp(F32View.read(x, at, count, buffer), to, count, limit);
      F32View.written(y, at, count, buffer);
    }
  }
}
