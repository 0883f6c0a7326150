package dev.gyre.deploy.bench;

/**
 * What a pass of attention, forward and backward, cost.
 *
 * @param ranks over which the row was shared
 * @param tokens of the row
 * @param mostSeconds CPU time of the rank that worked longest
 * @param meanSeconds of a rank
 */
public record AttentionResult(
    String schedule, String layout, int ranks, int tokens, double mostSeconds, double meanSeconds) {

  /** An even share of what one worker needs for the row, over what the busiest rank needed. */
  public double efficiency(AttentionResult alone) {
    return alone.mostSeconds / ranks / mostSeconds;
  }
}
