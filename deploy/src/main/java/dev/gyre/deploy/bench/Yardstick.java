package dev.gyre.deploy.bench;

import dev.gyre.kernels.workload.ForkTimes;
import dev.gyre.kernels.workload.KernelWorkload;
import java.util.Collections;

/**
 * What one core reached in a run so far.
 *
 * @param flopsPerSecond the matmul peak: the fastest linear of any shape and fork
 * @param bytesPerSecond read and written by the fastest plain copy
 */
record Yardstick(double flopsPerSecond, double bytesPerSecond) {
  static final Yardstick NONE = new Yardstick(0, 0);

  private static final String LINEAR = KernelWorkload.LINEAR.kernel();

  /** Whether this is one of the measurements that all others are held against. */
  static boolean measures(ForkTimes times) {
    return times.kernel().equals(ForkTimes.MEMORY) || times.kernel().equals(LINEAR);
  }

  Yardstick with(ForkTimes times) {
    double fastest = Collections.min(times.bests());
    return times.kernel().equals(LINEAR)
        ? new Yardstick(Math.max(flopsPerSecond, times.flops() / fastest), bytesPerSecond)
        : new Yardstick(flopsPerSecond, Math.max(bytesPerSecond, times.bytes() / fastest));
  }
}
