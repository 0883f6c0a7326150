package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/** silu and its gradient: the gated forms of {@link VectorRows} with a gate's partner of ones. */
final class SiluCalls {
  /** Floats at a time: seven runs of them stay in the first-level cache. */
  private static final int RUN = 1024;

  private final Scratch scratch;

  SiluCalls(Scratch scratch) {
    this.scratch = scratch;
  }

  void forward(Tensor x, Tensor y) {
    long run = Scratch.bytes(RUN);
    long ones = scratch.reserve(4 * run + Scratch.bytes(Simd.LANES));
    VectorMove.fill(ones, RUN, 1);
    for (long at = 0; at < x.elements(); at += RUN) {
      int count = (int) Math.min(RUN, x.elements() - at);
      VectorRows.swiglu(
          Wide.read(x, at, count, ones + run),
          ones,
          Wide.target(y, at, ones + 2 * run),
          count,
          ones + 3 * run);
      Wide.written(y, at, count, ones + 2 * run);
    }
  }

  void backward(Tensor dy, Tensor x, Tensor dx) {
    long run = Scratch.bytes(RUN);
    long ones = scratch.reserve(6 * run + Scratch.bytes(Simd.LANES));
    VectorMove.fill(ones, RUN, 1);
    for (long at = 0; at < x.elements(); at += RUN) {
      int count = (int) Math.min(RUN, x.elements() - at);
      VectorRows.swigluBackward(
          Wide.read(dy, at, count, ones + run),
          Wide.read(x, at, count, ones + 2 * run),
          ones,
          Wide.target(dx, at, ones + 3 * run),
          ones + 4 * run,
          count,
          ones + 5 * run);
      Wide.written(dx, at, count, ones + 3 * run);
    }
  }
}
