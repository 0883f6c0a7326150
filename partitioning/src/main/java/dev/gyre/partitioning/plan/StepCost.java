package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.NumberRange;

/**
 * What one optimizer step costs a rank of the busiest data rank, averaged over the ranks of its row
 * but for the experts' work: forward and backward, all micro-steps. Bytes are payload sent to other
 * ranks.
 *
 * @param linearFlops projections, MLPs, routers and head, and the experts of the rank that has the
 *     one most rows want, as the others wait for it
 * @param attentionFlops scores and weighted sums over visible pairs only
 * @param ringBytes what the attention schedule's messages hold
 * @param ulyssesBytes heads against tokens
 * @param stateBytes states of linear attention
 * @param moveBytes tokens that change place for linear attention
 * @param expertBytes dispatch and combine, routing taken as balanced
 * @param gradientBytes reduce-scatter of gradients, f32
 * @param parameterBytes all-gather of updated parameters
 */
public record StepCost(
    long linearFlops,
    long attentionFlops,
    long ringBytes,
    long ulyssesBytes,
    long stateBytes,
    long moveBytes,
    long expertBytes,
    long gradientBytes,
    long parameterBytes) {
  private static final NumberRange AMOUNT = NumberRange.wholeAtLeast(0);

  public StepCost {
    AMOUNT.require("linearFlops", linearFlops);
    AMOUNT.require("attentionFlops", attentionFlops);
    AMOUNT.require("ringBytes", ringBytes);
    AMOUNT.require("ulyssesBytes", ulyssesBytes);
    AMOUNT.require("stateBytes", stateBytes);
    AMOUNT.require("moveBytes", moveBytes);
    AMOUNT.require("expertBytes", expertBytes);
    AMOUNT.require("gradientBytes", gradientBytes);
    AMOUNT.require("parameterBytes", parameterBytes);
  }

  public long bytes() {
    return ringBytes
        + ulyssesBytes
        + stateBytes
        + moveBytes
        + expertBytes
        + gradientBytes
        + parameterBytes;
  }

  /**
   * Predicted microseconds: matmuls, attention, and what is sent beside it, one after the other. 0
   * if a rate is unknown.
   *
   * @param attentionMicros of all layers' attention over all rows, what it sends included
   */
  public long micros(Rates rates, long attentionMicros) {
    if (!rates.known()) {
      return 0;
    }
    return micros(linearFlops, rates.matmulFlopsPerSecond())
        + attentionMicros
        + micros(bytes() - ringBytes, rates.linkBytesPerSecond());
  }

  private static long micros(long amount, long perSecond) {
    return ScheduleClock.nanos(amount, perSecond) / 1000;
  }
}
