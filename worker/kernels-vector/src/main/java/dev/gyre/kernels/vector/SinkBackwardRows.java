package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/**
 * {@link dev.gyre.kernels.Kernels#attentionSinksBackward}; each token is a row. Tokens are summed
 * over runs of rows first, then over the runs in order.
 */
final class SinkBackwardRows extends RowKernel {
  /** Rows of one partial sum, for any number of threads. */
  private static final int RUN = 256;

  private final Scratch sums;
  private Tensor sinks = NONE;
  private Tensor lse = NONE;
  private Tensor delta = NONE;
  private long partial;

  /**
   * @param sums memory for a call's partial sums, shared by all threads
   */
  SinkBackwardRows(RowThreads threads, Scratch sums) {
    super(threads);
    this.sums = sums;
  }

  void run(Tensor sinks, Tensor lse, Tensor delta, Tensor dsinks) {
    this.sinks = sinks;
    this.lse = lse;
    this.delta = delta;
    int heads = Math.toIntExact(lse.dim(1));
    long rowBytes = Scratch.bytes(heads);
    int runs = Math.toIntExact((lse.dim(0) + RUN - 1) / RUN);
    partial = sums.reserve(runs * rowBytes);
    over(lse.dim(0), RUN, lse);
    for (int run = 0; run < runs; run++) {
      VectorMove.add(partial + run * rowBytes, dsinks.address(), heads);
    }
  }

  /**
   * @param first a multiple of {@link #RUN}
   */
  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor sinks = this.sinks;
    Tensor lse = this.lse;
    Tensor delta = this.delta;
    int heads = Math.toIntExact(lse.dim(1));
    long rowBytes = Scratch.bytes(heads);
    long exps = scratch.reserve(Scratch.bytes(heads + (long) Simd.LANES));
    for (long t = first; t < end; t++) {
      long sum = partial + t / RUN * rowBytes;
      if (t % RUN == 0) {
        VectorMove.fill(sum, heads, 0);
      }
      long at = 4 * t * heads;
      VectorRows.addSinkGradients(
          sinks.address(), lse.address() + at, delta.address() + at, sum, heads, exps);
    }
  }
}
