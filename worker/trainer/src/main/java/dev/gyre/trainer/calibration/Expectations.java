package dev.gyre.trainer.calibration;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.workload.KernelWorkload;
import dev.gyre.kernels.workload.Workload;

/**
 * What a kernel should reach: what it did here before, as far as memory allows just now, or else a
 * share of what this worker was just measured to do.
 *
 * <p>The shares are two thirds of what every backend and dtype reached, at least, on an AMD EPYC
 * (Zen 4) with the calibration's shapes. A kernel is suspected under a quarter of that: a vector
 * operation that the compiler did not inline costs a factor of fifty and more.
 */
final class Expectations {
  /** Under this part of what is expected, a kernel has met a cliff of the compiler. */
  private static final int SUSPICIOUS_PART = 4;

  /**
   * FLOPs that a kernel limited by memory does for each byte it moves, at most: where arithmetic
   * itself is slow, as in the scalar twin, that limits it.
   */
  private static final double FLOPS_PER_BYTE = 4;

  private final KernelRates known;
  private final boolean onHost;
  private final boolean compiledHere;

  /**
   * @param known rates of this machine, NONE if there are none
   * @param backend what is not known of it is expected only of kernels that are compiled here:
   *     small calls of a library are limited by what a call costs, not by arithmetic or memory
   */
  Expectations(KernelRates known, Backend backend) {
    this.known = known;
    this.onHost = backend.device().isCpu();
    this.compiledHere = backend.compiledHere();
  }

  /** Whether there never is anything to expect of a kernel. */
  boolean none(KernelWorkload kernel) {
    return !compiledHere && !remembered(kernel);
  }

  /** Whether this was measured here before. */
  boolean remembered(KernelWorkload kernel) {
    return known.of(kernel) > 0;
  }

  /**
   * FLOPs or bytes a second as memory is at this moment: what a cache held when a rate was
   * remembered, other programs may have pushed out of it. 0 if there is nothing to expect.
   *
   * @param peak of this run's products so far, FLOP/s
   * @param copyBytesPerSecond a plain copy right beside the kernel
   */
  double now(KernelWorkload kernel, Workload work, long peak, long copyBytesPerSecond) {
    double expected = usually(kernel, work, peak, copyBytesPerSecond);
    return work.arithmetic() || !onHost
        ? expected
        : Math.min(expected, bandwidth(copyBytesPerSecond));
  }

  /** The same with memory as it was when rates were remembered. */
  double usually(KernelWorkload kernel, Workload work, long peak, long copyBytesPerSecond) {
    if (remembered(kernel)) {
      return known.of(kernel);
    }
    if (none(kernel)) {
      return 0;
    }
    double bandwidth = bandwidth(copyBytesPerSecond);
    return work.arithmetic()
        ? share(kernel) * peak
        : share(kernel) * Math.min(bandwidth, peak / FLOPS_PER_BYTE);
  }

  /** A copy counts its bytes once; kernels count what they read and what they write. */
  private static double bandwidth(long copyBytesPerSecond) {
    return 2.0 * copyBytesPerSecond;
  }

  static boolean suspicious(double perSecond, double expected) {
    return perSecond * SUSPICIOUS_PART < expected;
  }

  /** Of the matmul peak, or of the bandwidth. */
  private static double share(KernelWorkload kernel) {
    return switch (kernel) {
      case LINEAR, LINEAR_BACKWARD_INPUT, LINEAR_BACKWARD_WEIGHT -> 0.4;
      case GROUPED_LINEAR, GROUPED_LINEAR_BACKWARD_INPUT, GROUPED_LINEAR_BACKWARD_WEIGHT -> 0.25;
      case ATTENTION, ATTENTION_BACKWARD -> 0.15;
      // Products with a state of some thousand elements, one tile of tokens after the other.
      case LINEAR_ATTENTION, LINEAR_ATTENTION_STATE, LINEAR_ATTENTION_BACKWARD -> 0.02;
      case GATHER_ROWS, SCATTER_ADD_ROWS, ADAM_W, COPY, ADD, SCALE, FILL -> 0.4;
      case RMS_NORM, RMS_NORM_BACKWARD, COMBINE_ROWS -> 0.3;
      case COMBINE_ROWS_BACKWARD, ATTENTION_DELTA, CROSS_ENTROPY, SUM_SQUARES -> 0.15;
      case ATTENTION_MERGE, ROPE, SILU, SILU_BACKWARD, SWIGLU, SWIGLU_BACKWARD -> 0.1;
      case SUM -> 0.05; // one addition after the other, as its order is fixed
      // Sines, and choosing among eight numbers: hardly any bytes.
      case ROUTE_TOP_K_BACKWARD -> 0.03;
      case ROPE_TABLE, ROUTE_TOP_K -> 0.006;
    };
  }
}
