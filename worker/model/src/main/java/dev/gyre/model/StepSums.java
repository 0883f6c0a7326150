package dev.gyre.model;

/**
 * A rank's part of a micro-batch's losses. Summed over micro-batches and all ranks, these are the
 * losses of the global batch; no further average is taken.
 *
 * @param crossEntropy nats, divided by the batch's labelled tokens; 0 if there are none
 * @param balance Σ over layers of E·Σ fₑPₑ, divided by the batch's rows, without its coefficient
 * @param z Σ over layers of lse², divided by the batch's tokens, without its coefficient
 * @param expertRows {@code [layer][expert]} choices of this rank's tokens; empty for dense layers
 */
public record StepSums(double crossEntropy, double balance, double z, long[][] expertRows) {
  /** The value of the objective. */
  public double total(Objective objective) {
    return crossEntropy + objective.balance() * balance + objective.z() * z;
  }
}
