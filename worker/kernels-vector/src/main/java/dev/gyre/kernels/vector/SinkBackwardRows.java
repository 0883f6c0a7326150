package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#attentionSinksBackward}; each token is a row. */
final class SinkBackwardRows extends SummedRows {
  private Tensor sinks = NONE;
  private Tensor lse = NONE;
  private Tensor delta = NONE;

  /**
   * @param sums memory for a call's partial sums, shared by all threads
   */
  SinkBackwardRows(RowThreads threads, Scratch sums) {
    super(threads, sums);
  }

  void run(Tensor sinks, Tensor lse, Tensor delta, Tensor dsinks) {
    this.sinks = sinks;
    this.lse = lse;
    this.delta = delta;
    sumOver(lse.dim(0), lse, dsinks);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor sinks = this.sinks;
    Tensor lse = this.lse;
    Tensor delta = this.delta;
    int heads = Math.toIntExact(lse.dim(1));
    long exps = scratch.reserve(Scratch.bytes(heads + (long) Simd.LANES));
    for (long t = first; t < end; t++) {
      long at = 4 * t * heads;
      VectorRows.addSinkGradients(
          sinks.address(), lse.address() + at, delta.address() + at, sumsOf(t), heads, exps);
    }
  }
}
