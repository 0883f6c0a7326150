package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/**
 * {@link dev.gyre.kernels.Kernels#addBiasBackward}. Columns are summed over runs of rows first,
 * then over the runs in order.
 */
final class BiasBackwardRows extends RowKernel {
  /** Rows of one partial sum, for any number of threads. */
  private static final int RUN = 256;

  private final Scratch sums;
  private Tensor dy = NONE;
  private long partial;

  /**
   * @param sums memory for a call's partial sums, shared by all threads
   */
  BiasBackwardRows(RowThreads threads, Scratch sums) {
    super(threads);
    this.sums = sums;
  }

  void run(Tensor dy, Tensor dbias) {
    this.dy = dy;
    int width = Math.toIntExact(dy.dim(1));
    long rowBytes = Scratch.bytes(width);
    int runs = Math.toIntExact((dy.dim(0) + RUN - 1) / RUN);
    partial = sums.reserve(runs * rowBytes);
    over(dy.dim(0), RUN, dy);
    for (int run = 0; run < runs; run++) {
      VectorMove.add(partial + run * rowBytes, dbias.address(), width);
    }
  }

  /**
   * @param first a multiple of {@link #RUN}
   */
  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor dy = this.dy;
    int width = Math.toIntExact(dy.dim(1));
    long rowBytes = Scratch.bytes(width);
    long row = scratch.reserve(rowBytes);
    for (long t = first; t < end; t++) {
      long sum = partial + t / RUN * rowBytes;
      if (t % RUN == 0) {
        VectorMove.fill(sum, width, 0);
      }
      VectorMove.add(F32View.read(dy, t * width, width, row), sum, width);
    }
  }
}
