package dev.gyre.trainer.calibration;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.workload.KernelWorkload;
import dev.gyre.kernels.workload.Workload;

/**
 * The expected rate of a kernel: its stored rate, limited by the memory bandwidth of this moment.
 * Without a stored rate, a share of the matmul peak or bandwidth that this worker just measured.
 *
 * <p>The shares are two thirds of the least that any backend and dtype reached on an AMD EPYC (Zen
 * 4) with the calibration's shapes. Those of biases, clamps, columns, sinks and groups are in the
 * same ratio to the others as the kernels' rates on an Intel Xeon. Below a quarter of that a kernel
 * is suspicious: a vector operation that the JIT compiler did not inline is fifty times slower or
 * more.
 */
final class Expectations {
  /** Below this part of its expected rate, a kernel was compiled badly. */
  private static final int SUSPICIOUS_PART = 4;

  /**
   * Most FLOPs per byte of a kernel that memory limits. Where arithmetic is slow, as in the scalar
   * backend, this bounds the expected rate.
   */
  private static final double FLOPS_PER_BYTE = 4;

  private final KernelRates known;
  private final boolean onHost;
  private final boolean compiledHere;

  /**
   * @param known stored rates of this machine, NONE if there are none
   * @param backend without a stored rate, only JIT-compiled kernels have an expected rate: small
   *     calls of a library are limited by the cost of a call, not by arithmetic or memory
   */
  Expectations(KernelRates known, Backend backend) {
    this.known = known;
    this.onHost = backend.device().isCpu();
    this.compiledHere = backend.compiledHere();
  }

  /** Whether a kernel never has an expected rate. */
  boolean none(KernelWorkload kernel) {
    return !compiledHere && !remembered(kernel);
  }

  /** Whether a rate of this kernel is stored. */
  boolean remembered(KernelWorkload kernel) {
    return known.of(kernel) > 0;
  }

  /**
   * Expected FLOPs or bytes per second with memory as it is at this moment: other programs may have
   * evicted what was cached when the rate was stored. 0 if nothing is expected.
   *
   * @param peak matmul peak of this run so far, FLOP/s
   * @param copyBytesPerSecond a plain copy measured right beside the kernel
   */
  double now(KernelWorkload kernel, Workload work, long peak, long copyBytesPerSecond) {
    double expected = usually(kernel, work, peak, copyBytesPerSecond);
    return work.arithmetic() || !onHost
        ? expected
        : Math.min(expected, bandwidth(copyBytesPerSecond));
  }

  /** The same with memory as it was when the rate was stored. */
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

  /** Share of the matmul peak, or of the bandwidth. */
  private static double share(KernelWorkload kernel) {
    return switch (kernel) {
      case LINEAR, LINEAR_BACKWARD_INPUT, LINEAR_BACKWARD_WEIGHT -> 0.4;
      case GROUPED_LINEAR, GROUPED_LINEAR_BACKWARD_INPUT, GROUPED_LINEAR_BACKWARD_WEIGHT -> 0.25;
      case ATTENTION, ATTENTION_BACKWARD -> 0.15;
      // Products with a state of some thousand elements, one tile of tokens at a time.
      case LINEAR_ATTENTION, LINEAR_ATTENTION_STATE, LINEAR_ATTENTION_BACKWARD -> 0.02;
      case GATHER_ROWS, SCATTER_ADD_ROWS, COPY_COLUMNS, ADAM_W, COPY, ADD, SCALE, FILL -> 0.4;
      case RMS_NORM, RMS_NORM_BACKWARD, COMBINE_ROWS -> 0.3;
      case ADD_BIAS_BACKWARD, ROUTE_GROUPS_BACKWARD -> 0.3;
      case COMBINE_ROWS_BACKWARD, ATTENTION_DELTA, CROSS_ENTROPY, SUM_SQUARES -> 0.15;
      case ADD_BIAS, CLAMP, CLAMP_BACKWARD, ATTENTION_SINKS -> 0.15;
      case ATTENTION_MERGE, ROPE, SILU, SILU_BACKWARD, SWIGLU, SWIGLU_BACKWARD -> 0.1;
      case SWIGLU_CLAMPED, SWIGLU_CLAMPED_BACKWARD -> 0.1;
      case SUM -> 0.05; // sequential additions, as the order is fixed
      // Sines, a choice among eight numbers or their exponentials: few bytes, much arithmetic.
      case ROUTE_TOP_K_BACKWARD, ROUTE_GROUPS -> 0.03;
      case ROPE_TABLE, ROUTE_TOP_K, ATTENTION_SINKS_BACKWARD -> 0.006;
    };
  }
}
