package dev.gyre.kernels.vector;

import dev.gyre.kernels.DType;
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
    int width = Math.toIntExact(dy.dim(1));
    long sumBytes = Scratch.bytes(width);
    for (long t = first; t < end; t += RUN) {
      long sum = partial + t / RUN * sumBytes;
      VectorMove.fill(sum, width, 0);
      addRows(t, (int) Math.min(RUN, end - t), sum);
    }
  }

  /** Four rows at a time read the sums once for all four. */
  private void addRows(long first, int count, long sum) {
    int width = Math.toIntExact(dy.dim(1));
    boolean bf16 = dy.dtype() == DType.BF16;
    long rowBytes = (long) width * dy.dtype().bytes();
    long row = dy.address() + first * rowBytes;
    int t = 0;
    for (; t < count - 3; t += 4) {
      if (bf16) {
        VectorMove.addFourBf16(row + t * rowBytes, rowBytes, sum, width);
      } else {
        VectorMove.addFour(row + t * rowBytes, rowBytes, sum, width);
      }
    }
    for (; t < count; t++) {
      if (bf16) {
        VectorMove.addBf16(row + t * rowBytes, sum, width);
      } else {
        VectorMove.add(row + t * rowBytes, sum, width);
      }
    }
  }
}
