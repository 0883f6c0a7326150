package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#addBias}. */
final class BiasRows extends RowKernel {
  /** Elements of a run: as F32 they stay in the first-level cache. */
  private static final int RUN = 1024;

  private Tensor x = NONE;
  private Tensor bias = NONE;

  BiasRows(RowThreads threads) {
    super(threads);
  }

  void run(Tensor x, Tensor bias) {
    this.x = x;
    this.bias = bias;
    over(x.dim(0), 1, x);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor x = this.x;
    Tensor bias = this.bias;
    int width = Math.toIntExact(x.dim(1));
    long sum = scratch.reserve(Scratch.bytes(RUN));
    for (long t = first; t < end; t++) {
      for (int from = 0; from < width; from += RUN) {
        int count = Math.min(RUN, width - from);
        long at = t * width + from;
        long to = F32View.read(x, at, count, sum);
        VectorMove.add(F32View.address(bias, from), to, count);
        F32View.written(x, at, count, sum);
      }
    }
  }
}
