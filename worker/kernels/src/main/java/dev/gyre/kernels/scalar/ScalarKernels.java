package dev.gyre.kernels.scalar;

import dev.gyre.kernels.CheckedKernels;
import dev.gyre.kernels.Kernels;

/**
 * The plain twin: every kernel as its definition reads, on host memory, with sums and
 * transcendental functions in double. Slow on purpose; it says what the fast ones must compute.
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
