package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#attentionSinks}; each token and head is a row. */
final class SinkRows extends RowKernel {
  private Tensor sinks = NONE;
  private Tensor out = NONE;
  private Tensor lse = NONE;

  SinkRows(RowThreads threads) {
    super(threads);
  }

  void run(Tensor sinks, Tensor out, Tensor lse) {
    this.sinks = sinks;
    this.out = out;
    this.lse = lse;
    over(lse.elements(), 1, out);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor sinks = this.sinks;
    Tensor out = this.out;
    Tensor lse = this.lse;
    int heads = Math.toIntExact(out.dim(1));
    int size = Math.toIntExact(out.dim(2));
    for (long row = first; row < end; row++) {
      float sink = Simd.get(sinks.address() + 4 * (row % heads));
      float before = Simd.get(lse.address() + 4 * row);
      float after = sink;
      if (before != Float.NEGATIVE_INFINITY) {
        double e = StrictMath.exp((double) sink - before);
        long head = out.address() + 4 * row * size;
        VectorMove.scale((float) (1 / (1 + e)), head, head, size);
        // Of e and 1/e the one that is at most 1, so that neither overflows nor loses digits
        double smaller = sink > before ? StrictMath.exp((double) before - sink) : e;
        after = (float) (Math.max(before, sink) + StrictMath.log1p(smaller));
      }
      Simd.set(lse.address() + 4 * row, after);
    }
  }
}
