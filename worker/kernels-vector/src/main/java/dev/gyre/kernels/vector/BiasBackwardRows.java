package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#addBiasBackward}. */
final class BiasBackwardRows extends SummedRows {
  private Tensor dy = NONE;

  BiasBackwardRows(RowThreads threads, Scratch sums) {
    super(threads, sums);
  }

  void run(Tensor dy, Tensor dbias) {
    this.dy = dy;
    sumOver(dy.dim(0), dy, dbias);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor dy = this.dy;
    int width = Math.toIntExact(dy.dim(1));
    long buffer = scratch.reserve(Scratch.bytes(width));
    for (long t = first; t < end; t++) {
      VectorMove.add(F32View.read(dy, t * width, width, buffer), sumsOf(t), width);
    }
  }
}
