package dev.gyre.deploy.bench;

import dev.gyre.kernels.workload.ForkTimes;
import dev.gyre.kernels.workload.KernelWorkload;
import java.util.Collections;

/**
 * Peak rates of one core in a run so far.
 *
 * @param flopsPerSecond the matmul peak: the fastest linear of any shape and fork
 * @param bytesPerSecond read and written by the fastest plain copy
 */
record CorePeak(double flopsPerSecond, double bytesPerSecond) {
  static final CorePeak NONE = new CorePeak(0, 0);

  private static final String LINEAR = KernelWorkload.LINEAR.kernel();

  /** Whether this measurement defines a peak that all others are compared with. */
  static boolean measures(ForkTimes times) {
    return times.kernel().equals(ForkTimes.MEMORY) || times.kernel().equals(LINEAR);
  }

  CorePeak with(ForkTimes times) {
    double fastest = Collections.min(times.bests());
    return times.kernel().equals(LINEAR)
        ? new CorePeak(Math.max(flopsPerSecond, times.flops() / fastest), bytesPerSecond)
        : new CorePeak(flopsPerSecond, Math.max(bytesPerSecond, times.bytes() / fastest));
  }
}
