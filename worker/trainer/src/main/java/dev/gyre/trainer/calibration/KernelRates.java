package dev.gyre.trainer.calibration;

import dev.gyre.kernels.workload.KernelWorkload;
import dev.gyre.partitioning.plan.Rates;
import java.util.Map;
import java.util.TreeMap;

/**
 * Rates of a worker's kernels, in whole numbers.
 *
 * @param perSecond by kernel, as {@link dev.gyre.kernels.Kernels} names it: FLOPs, or bytes where
 *     memory limits the kernel ({@link dev.gyre.kernels.workload.Workload#arithmetic})
 * @param copyBytesPerSecond bytes per second of a message copied on the host, counted once; 0 if
 *     not measured
 */
public record KernelRates(Map<String, Long> perSecond, long copyBytesPerSecond) {
  public static final KernelRates NONE = new KernelRates(Map.of(), 0);

  private static final double NOISE = 0.02;

  public KernelRates {
    perSecond = Map.copyOf(perSecond);
    perSecond.forEach((kernel, rate) -> Rates.PER_SECOND.require("perSecond." + kernel, rate));
    Rates.PER_SECOND.require("copyBytesPerSecond", copyBytesPerSecond);
  }

  /** 0 where not measured. */
  public long of(KernelWorkload kernel) {
    return perSecond.getOrDefault(kernel.kernel(), 0L);
  }

  public long matmulFlopsPerSecond() {
    return of(KernelWorkload.LINEAR);
  }

  /** The rates that the planner uses. */
  public Rates rates() {
    return new Rates(matmulFlopsPerSecond(), of(KernelWorkload.ATTENTION), copyBytesPerSecond);
  }

  /**
   * For each kernel the faster of the two; this one's if they differ by noise only, so that
   * consecutive runs predict the same.
   */
  KernelRates best(KernelRates newer) {
    TreeMap<String, Long> merged = new TreeMap<>(perSecond);
    newer.perSecond.forEach((kernel, rate) -> merged.merge(kernel, rate, KernelRates::faster));
    return new KernelRates(merged, faster(copyBytesPerSecond, newer.copyBytesPerSecond));
  }

  private static long faster(long rate, long newer) {
    return newer > (1 + NOISE) * rate ? newer : rate;
  }
}
