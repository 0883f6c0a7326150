package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.SwigluRows.RUN;

import dev.gyre.kernels.DType;
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
    if (dh.dtype() == DType.BF16) {
      for (long row = first; row < end; row++) {
        long gate = F32View.address(gateUp, row * 2 * width);
        long dGate = F32View.address(dGateUp, row * 2 * width);
        Bf16Clamp.swigluBackward(
            F32View.address(dh, row * width),
            gate,
            gate + 2L * width,
            dGate,
            dGate + 2L * width,
            width,
            alpha,
            limit);
      }
      return;
    }
    long exps = scratch.reserve(Scratch.bytes(RUN + (long) Simd.LANES));
    for (long row = first; row < end; row++) {
      for (int from = 0; from < width; from += RUN) {
        long gate = F32View.address(gateUp, row * 2 * width + from);
        long dGate = F32View.address(dGateUp, row * 2 * width + from);
        VectorClamp.swigluBackward(
            F32View.address(dh, row * width + from),
            gate,
            gate + 4L * width,
            dGate,
            dGate + 4L * width,
            Math.min(RUN, width - from),
            alpha,
            limit,
            exps);
      }
    }
  }
}
