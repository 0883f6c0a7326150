package dev.gyre.deploy.bench;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.gyre.kernels.workload.ForkTimes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One kernel at one shape on one core or a GPU.
 *
 * @param kernel as in {@link dev.gyre.kernels.Kernels}; {@code memory} for the memory copy that
 *     measures bandwidth
 * @param medianSeconds of a call: the middle fork's median
 * @param gflops 10⁹ FLOPs a second at that median; null if the kernel is memory-bound
 * @param ofPeak share of the fastest linear of this run; null as above
 * @param gbps 10⁹ bytes a second, every operand counted as read or written once; null if the kernel
 *     is compute-bound
 * @param ofBandwidth share of the bandwidth of this run's memory copy; null as above. Above 1 if
 *     operands stay in the cache
 * @param spread of the forks: (slowest − fastest) / median
 * @param forkMedians the median iteration of each fork
 * @param forkBests the fastest iteration of each fork
 * @param slowForks numbers, from 1, of the forks whose fastest iteration took more than twice as
 *     long as another fork's
 * @param cpu this machine's processor
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record KernelResult(
    String kernel,
    String shape,
    String backend,
    String device,
    String dtype,
    @JsonProperty("median_s") double medianSeconds,
    @Nullable Double gflops,
    @JsonProperty("of_peak") @Nullable Double ofPeak,
    @Nullable Double gbps,
    @JsonProperty("of_bandwidth") @Nullable Double ofBandwidth,
    double spread,
    @JsonProperty("fork_median_s") List<Double> forkMedians,
    @JsonProperty("fork_best_s") List<Double> forkBests,
    @JsonProperty("slow_forks") List<Integer> slowForks,
    @JsonProperty("instruction_set") String instructionSet,
    String cpu) {
  /**
   * A fork that is slower than another by this factor was compiled badly by the JIT; noise is
   * smaller.
   */
  private static final double SLOW = 2;

  public KernelResult {
    forkMedians = List.copyOf(forkMedians);
    forkBests = List.copyOf(forkBests);
    slowForks = List.copyOf(slowForks);
  }

  /**
   * @param peak of the same run
   */
  static KernelResult of(
      ForkTimes times, CorePeak peak, KernelsBench bench, String instructionSet, String cpu) {
    List<Double> sorted = times.medians().stream().sorted().toList();
    double median = sorted.get((sorted.size() - 1) / 2);
    double best = Collections.min(times.bests());
    List<Integer> slow = new ArrayList<>();
    for (int fork = 0; fork < times.bests().size(); fork++) {
      if (times.bests().get(fork) > SLOW * best) {
        slow.add(fork + 1);
      }
    }
    boolean arithmetic = times.flops() > 0;
    double flops = times.flops() / median;
    double bytes = times.bytes() / median;
    return new KernelResult(
        times.kernel(),
        times.shape(),
        bench.backend(),
        bench.device().toString(),
        bench.dtype(),
        median,
        arithmetic ? flops / 1e9 : null,
        arithmetic ? flops / peak.flopsPerSecond() : null,
        arithmetic ? null : bytes / 1e9,
        arithmetic ? null : bytes / peak.bytesPerSecond(),
        (sorted.getLast() - sorted.getFirst()) / median,
        times.medians(),
        times.bests(),
        slow,
        instructionSet,
        cpu);
  }

  /** Share of the peak that limits the kernel. */
  public double ofLimit() {
    return ofPeak != null ? ofPeak : ofBandwidth != null ? ofBandwidth : 0;
  }
}
