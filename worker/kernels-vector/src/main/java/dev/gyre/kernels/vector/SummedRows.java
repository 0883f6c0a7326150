package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/**
 * A kernel over rows that also sums a value for each column: over runs of rows first, then over the
 * runs in order, so that the sums' bits do not depend on the number of threads.
 */
abstract class SummedRows extends RowKernel {
  /** Rows of one partial sum, for any number of threads. */
  private static final int RUN = 256;

  private final Scratch sums;
  private long partial;
  private int width;

  /**
   * @param sums memory for a call's partial sums, shared by all threads
   */
  SummedRows(RowThreads threads, Scratch sums) {
    super(threads);
    this.sums = sums;
  }

  /**
   * Computes all rows and adds the sums of the columns.
   *
   * @param largest of the call's tensors
   * @param into F32, a value for each column
   */
  final void sumOver(long rows, Tensor largest, Tensor into) {
    width = Math.toIntExact(into.elements());
    long bytes = Scratch.bytes(width);
    int runs = Math.toIntExact((rows + RUN - 1) / RUN);
    partial = sums.reserve(runs * bytes);
    over(rows, RUN, largest);
    for (int run = 0; run < runs; run++) {
      VectorMove.add(partial + run * bytes, into.address(), width);
    }
  }

  /** Where a row adds its values, F32. Each thread asks for its rows in order. */
  final long sumsOf(long row) {
    long sum = partial + row / RUN * Scratch.bytes(width);
    if (row % RUN == 0) {
      VectorMove.fill(sum, width, 0);
    }
    return sum;
  }
}
