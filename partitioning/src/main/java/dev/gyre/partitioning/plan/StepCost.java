package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.check.NumberRange;

/**
 * Cost of one optimizer step for one rank, in the row group with the most rows: forward and
 * backward of all micro-batches. It is the mean over the ranks of the row, except for the experts'
 * work. Bytes are payload sent to other ranks.
 *
 * @param linearFlops projections, MLPs, routers and head, and the experts of the rank with the most
 *     popular expert, because the others wait for it
 * @param attentionFlops scores and weighted sums over visible pairs only
 * @param ringBytes payload of the attention schedule's messages
 * @param ulyssesBytes payload of the Ulysses all-to-all
 * @param stateBytes states of linear attention
 * @param moveBytes tokens that are redistributed for linear attention
 * @param expertBytes dispatch and combine, with balanced routing
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
   * Predicted microseconds: the sum of matmuls, attention and all other communication, without
   * overlap. 0 if a rate is unknown.
   *
   * @param attentionMicros of all layers' attention over all rows, including its communication
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
