package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.SwigluRows.RUN;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#swigluClamped}. */
final class SwigluClampedRows extends RowKernel {
  private Tensor gateUp = NONE;
  private float alpha;
  private float limit;
  private Tensor h = NONE;

  SwigluClampedRows(RowThreads threads) {
    super(threads);
  }

  void run(Tensor gateUp, float alpha, float limit, Tensor h) {
    this.gateUp = gateUp;
    this.alpha = alpha;
    this.limit = limit;
    this.h = h;
    over(h.dim(0), 1, gateUp);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor gateUp = this.gateUp;
    Tensor h = this.h;
    int width = Math.toIntExact(h.dim(1));
    float alpha = this.alpha;
    float limit = this.limit;
    long run = Scratch.bytes(RUN);
    long exps = scratch.reserve(3 * run + Scratch.bytes(RUN + (long) Simd.LANES));
    long buffers = exps + Scratch.bytes(RUN + (long) Simd.LANES);
    for (long row = first; row < end; row++) {
      for (int from = 0; from < width; from += RUN) {
        int count = Math.min(RUN, width - from);
        long gate = row * 2 * width + from;
        long at = row * width + from;
        VectorClamp.swiglu(
            F32View.read(gateUp, gate, count, buffers),
            F32View.read(gateUp, gate + width, count, buffers + run),
            F32View.target(h, at, buffers + 2 * run),
            count,
            alpha,
            limit,
            exps);
        F32View.written(h, at, count, buffers + 2 * run);
      }
    }
  }
}
