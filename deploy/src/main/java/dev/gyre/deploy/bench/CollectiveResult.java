package dev.gyre.deploy.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Arrays;

/**
 * One collective at one size, as measured by rank 0. Scripts of other frameworks print the first
 * seven keys too.
 *
 * @param op {@code ring_sendrecv}, {@code all_reduce}, {@code all_to_all}, {@code all_gather} or
 *     {@code reduce_scatter}
 * @param bytes what each rank sends (ring), contributes (all-gather), or holds in all
 * @param medianSeconds of a call
 * @param gbpsMedian {@code bytes / medianSeconds}, in 10⁹ bytes a second
 * @param waitSeconds mean time of a call spent waiting for peers
 * @param cpuWaitSeconds mean CPU time of a call used while waiting
 */
public record CollectiveResult(
    String op,
    int world,
    long bytes,
    @JsonProperty("median_s") double medianSeconds,
    @JsonProperty("best_s") double bestSeconds,
    @JsonProperty("gbps_median") double gbpsMedian,
    @JsonProperty("gbps_best") double gbpsBest,
    @JsonProperty("wait_s") double waitSeconds,
    @JsonProperty("cpu_wait_s") double cpuWaitSeconds) {

  /**
   * @param nanos of every repeat; at least one
   * @param waitNanos of all repeats together
   * @param cpuWaitNanos of all repeats together
   */
  static CollectiveResult of(
      String op, int world, long bytes, long[] nanos, long waitNanos, long cpuWaitNanos) {
    long[] sorted = nanos.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    double median =
        sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2.0;
    return new CollectiveResult(
        op,
        world,
        bytes,
        median / 1e9,
        sorted[0] / 1e9,
        bytes / median,
        (double) bytes / sorted[0],
        waitNanos / 1e9 / nanos.length,
        cpuWaitNanos / 1e9 / nanos.length);
  }
}
