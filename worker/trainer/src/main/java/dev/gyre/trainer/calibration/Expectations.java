package dev.gyre.trainer.calibration;

import dev.gyre.kernels.workload.KernelWorkload;
import dev.gyre.kernels.workload.Workload;

/**
 * What a kernel should reach: what it did here before, or else a share of what this worker was just
 * measured to do.
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
  private final boolean guess;

  /**
   * @param known rates of this machine, NONE if there are none
   * @param guess whether kernels that are not known are held against the peak; pointless where
   *     nothing is compiled just in time, as on devices
   */
  Expectations(KernelRates known, boolean guess) {
    this.known = known;
    this.guess = guess;
  }

  /** Whether this was measured here before. */
  boolean remembered(KernelWorkload kernel) {
    return known.of(kernel) > 0;
  }

  /**
   * FLOPs or bytes a second; 0 if there is nothing to expect.
   *
   * @param peak of this run's products so far, FLOP/s
   * @param copyBytesPerSecond this run's plain copy
   */
  double of(KernelWorkload kernel, Workload work, long peak, long copyBytesPerSecond) {
    if (remembered(kernel)) {
      return known.of(kernel);
    }
    if (!guess) {
      return 0;
    }
    if (work.arithmetic()) {
      return share(kernel) * peak;
    }
    // A copy counts its bytes once; kernels count what they read and what they write.
    return share(kernel) * Math.min(2.0 * copyBytesPerSecond, peak / FLOPS_PER_BYTE);
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
