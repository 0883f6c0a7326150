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
    float alpha = this.alpha;
    float limit = this.limit;
    long run = Scratch.bytes(RUN);
    long exps = scratch.reserve(5 * run + Scratch.bytes(RUN + (long) Simd.LANES));
    long buffers = exps + Scratch.bytes(RUN + (long) Simd.LANES);
    for (long row = first; row < end; row++) {
      for (int from = 0; from < width; from += RUN) {
        int count = Math.min(RUN, width - from);
        long gate = row * 2 * width + from;
        VectorClamp.swigluBackward(
            F32View.read(dh, row * width + from, count, buffers),
            F32View.read(gateUp, gate, count, buffers + run),
            F32View.read(gateUp, gate + width, count, buffers + 2 * run),
            F32View.target(dGateUp, gate, buffers + 3 * run),
            F32View.target(dGateUp, gate + width, buffers + 4 * run),
            count,
            alpha,
            limit,
            exps);
        F32View.written(dGateUp, gate, count, buffers + 3 * run);
        F32View.written(dGateUp, gate + width, count, buffers + 4 * run);
      }
    }
  }
}
