package dev.gyre.deploy.bench;

/**
 * CPU time of a pass of attention, forward and backward.
 *
 * @param ranks over which the row was divided
 * @param tokens of the row
 * @param mostSeconds CPU time of the slowest rank
 * @param meanSeconds mean CPU time of a rank
 */
public record AttentionResult(
    String schedule, String layout, int ranks, int tokens, double mostSeconds, double meanSeconds) {

  /** An even share of one worker's time for the row, divided by the slowest rank's time. */
  public double efficiency(AttentionResult alone) {
    return alone.mostSeconds / ranks / mostSeconds;
  }
}
