package dev.gyre.kernels.vector;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#swiglu}. */
final class SwigluRows extends RowKernel {
  /** Elements of a run that stays in the first-level cache with its operands. */
  static final int RUN = 1024;

  private Tensor gateUp = NONE;
  private Tensor h = NONE;

  SwigluRows(RowThreads threads) {
    super(threads);
  }

  void run(Tensor gateUp, Tensor h) {
    this.gateUp = gateUp;
    this.h = h;
    over(h.dim(0), 1, gateUp);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor gateUp = this.gateUp;
    Tensor h = this.h;
    int width = Math.toIntExact(h.dim(1));
    if (h.dtype() == DType.BF16) {
      for (long row = first; row < end; row++) {
        long gate = F32View.address(gateUp, row * 2 * width);
        Bf16Activation.swiglu(gate, gate + 2L * width, F32View.address(h, row * width), width);
      }
      return;
    }
    long exps = scratch.reserve(Scratch.bytes(RUN + (long) Simd.LANES));
    for (long row = first; row < end; row++) {
      for (int from = 0; from < width; from += RUN) {
        long gate = F32View.address(gateUp, row * 2 * width + from);
        long to = F32View.address(h, row * width + from);
        VectorRows.swiglu(gate, gate + 4L * width, to, Math.min(RUN, width - from), exps);
      }
    }
  }
}
