package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#addBias}. */
final class BiasRows extends RowKernel {
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
    long buffer = scratch.reserve(Scratch.bytes(width));
    for (long t = first; t < end; t++) {
      VectorMove.add(bias.address(), F32View.read(x, t * width, width, buffer), width);
      F32View.written(x, t * width, width, buffer);
    }
  }
}
