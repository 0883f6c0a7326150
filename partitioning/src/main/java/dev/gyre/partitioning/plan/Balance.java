package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import java.util.ArrayList;
import java.util.List;

/**
 * How evenly one row's work is distributed over the ranks of a ring. All ranks wait for the one
 * with the most work.
 *
 * @param tokens of each ring rank
 * @param pairs visible pairs that each ring rank computes
 */
public record Balance(List<Long> tokens, List<Long> pairs) {
  public Balance {
    tokens = List.copyOf(tokens);
    pairs = List.copyOf(pairs);
  }

  public static Balance of(SequenceLayout layout, AttentionSchedule schedule) {
    List<Long> tokens = new ArrayList<>();
    List<Long> pairs = new ArrayList<>();
    for (int rank = 0; rank < layout.ring(); rank++) {
      tokens.add((long) layout.tokens(rank));
      pairs.add(pairs(schedule.forward().get(rank)));
    }
    return new Balance(tokens, pairs);
  }

  private static long pairs(Program program) {
    long pairs = 0;
    for (Step step : program.steps()) {
      for (Work work : step.work()) {
        pairs += work.area();
      }
    }
    return pairs;
  }

  /** How far the largest number of tokens is above the mean, in thousandths of the mean. */
  public long tokensOverMean() {
    return overMean(tokens);
  }

  /** How far the largest number of pairs is above the mean, in thousandths of the mean. */
  public long pairsOverMean() {
    return overMean(pairs);
  }

  private static long overMean(List<Long> values) {
    long sum = 0;
    long most = 0;
    for (long value : values) {
      sum += value;
      most = Math.max(most, value);
    }
    return sum == 0 ? 0 : (most * values.size() - sum) * 1000 / sum;
  }
}
