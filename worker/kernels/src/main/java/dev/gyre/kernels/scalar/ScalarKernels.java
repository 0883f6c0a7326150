package dev.gyre.kernels.scalar;

import dev.gyre.kernels.CheckedKernels;
import dev.gyre.kernels.Kernels;

/**
 * The reference implementation of every kernel, written as its definition reads, on host memory,
 * with sums and transcendental functions in double. Slow on purpose; it defines what the fast
 * kernels must compute.
 */
public final class ScalarKernels {
  private ScalarKernels() {}

  /** They keep no state. */
  public static Kernels create() {
    return new CheckedKernels(
        new ScalarMovement(),
        new ScalarLinear(),
        new ScalarTokenwise(),
        new ScalarAttention(),
        new ScalarLinearAttention(),
        new ScalarRouter(),
        new ScalarLoss());
  }
}
