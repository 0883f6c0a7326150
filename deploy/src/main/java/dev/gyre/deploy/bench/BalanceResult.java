package dev.gyre.deploy.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/**
 * Load balance of attention over packed documents between the ranks of a ring.
 *
 * @param pairsOverMean from the plan: largest number of pairs of a rank, divided by the mean
 * @param forwardSeconds CPU time of each rank inside the attention kernels, median of the repeats
 * @param forwardOverMean the largest of them divided by the mean
 * @param planSeconds CPU time one rank takes to lay out, schedule and prove the row
 */
public record BalanceResult(
    String layout,
    String mask,
    int ring,
    int tokens,
    int documents,
    @JsonProperty("pairs_over_mean") double pairsOverMean,
    @JsonProperty("forward_s") List<Double> forwardSeconds,
    @JsonProperty("forward_over_mean") double forwardOverMean,
    @JsonProperty("backward_s") List<Double> backwardSeconds,
    @JsonProperty("backward_over_mean") double backwardOverMean,
    @JsonProperty("plan_s") double planSeconds) {
  public BalanceResult {
    forwardSeconds = List.copyOf(forwardSeconds);
    backwardSeconds = List.copyOf(backwardSeconds);
  }

  static double overMean(List<? extends Number> values) {
    double sum = 0;
    double most = 0;
    for (Number value : values) {
      sum += value.doubleValue();
      most = Math.max(most, value.doubleValue());
    }
    return sum == 0 ? 1 : most * values.size() / sum;
  }
}
