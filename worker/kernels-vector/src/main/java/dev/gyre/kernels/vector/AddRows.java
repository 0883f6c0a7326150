package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#add}; each run of elements is a row. */
final class AddRows extends RowKernel {
  /** Elements of a run: as F32 they stay in the first-level cache. */
  private static final int RUN = 1024;

  private Tensor x = NONE;
  private Tensor into = NONE;

  AddRows(RowThreads threads) {
    super(threads);
  }

  void run(Tensor x, Tensor into) {
    this.x = x;
    this.into = into;
    over((x.elements() + RUN - 1) / RUN, 1, into);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor x = this.x;
    Tensor into = this.into;
    long buffer = scratch.reserve(2 * Scratch.bytes(RUN));
    long sum = buffer + Scratch.bytes(RUN);
    for (long i = first * RUN; i < Math.min(end * RUN, x.elements()); i += RUN) {
      int count = (int) Math.min(RUN, x.elements() - i);
      long to = F32View.read(into, i, count, sum);
      VectorMove.add(F32View.read(x, i, count, buffer), to, count);
      F32View.written(into, i, count, sum);
    }
  }
}
