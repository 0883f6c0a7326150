package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.SwigluRows.RUN;

import dev.gyre.kernels.DType;
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
    if (h.dtype() == DType.BF16) {
      for (long row = first; row < end; row++) {
        long gate = F32View.address(gateUp, row * 2 * width);
        long to = F32View.address(h, row * width);
        Bf16Clamp.swiglu(gate, gate + 2L * width, to, width, alpha, limit);
      }
      return;
    }
    long exps = scratch.reserve(Scratch.bytes(RUN + (long) Simd.LANES));
    for (long row = first; row < end; row++) {
      for (int from = 0; from < width; from += RUN) {
        int count = Math.min(RUN, width - from);
        long gate = F32View.address(gateUp, row * 2 * width + from);
        long to = F32View.address(h, row * width + from);
        VectorClamp.swiglu(gate, gate + 4L * width, to, count, alpha, limit, exps);
      }
    }
  }
}
