package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.SwigluRows.RUN;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#swigluClampedBackward}. */
final class SwigluClampedBackwardRows extends RowKernel {
  private Tensor dh = NONE;
  private Tensor gateUp = NONE;
  private float alpha;
  private float limit;
  private Tensor dGateUp = NONE;

  SwigluClampedBackwardRows(RowThreads threads) {
    super(threads);
  }

  void run(Tensor dh, Tensor gateUp, float alpha, float limit, Tensor dGateUp) {
    this.dh = dh;
    this.gateUp = gateUp;
    this.alpha = alpha;
    this.limit = limit;
    this.dGateUp = dGateUp;
    over(dh.dim(0), 1, gateUp);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor dh = this.dh;
    Tensor gateUp = this.gateUp;
    Tensor dGateUp = this.dGateUp;
    int width = Math.toIntExact(dh.dim(1));
    long run = Scratch.bytes(RUN);
    long gradient = scratch.reserve(6 * run + Scratch.bytes(Simd.LANES));
    for (long row = first; row < end; row++) {
      for (int from = 0; from < width; from += RUN) {
        int count = Math.min(RUN, width - from);
        long at = row * 2 * width + from;
        VectorClamp.swigluBackward(
            F32View.read(dh, row * width + from, count, gradient),
            F32View.read(gateUp, at, count, gradient + run),
            F32View.read(gateUp, at + width, count, gradient + 2 * run),
            F32View.target(dGateUp, at, gradient + 3 * run),
            F32View.target(dGateUp, at + width, gradient + 4 * run),
            count,
            alpha,
            limit,
            gradient + 5 * run);
        F32View.written(dGateUp, at, count, gradient + 3 * run);
        F32View.written(dGateUp, at + width, count, gradient + 4 * run);
      }
    }
  }
}
