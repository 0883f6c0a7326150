package dev.gyre.model;

import java.util.List;

/**
 * A rank's part of a micro-batch's losses. Summed over micro-batches and all ranks, these are the
 * losses of the global batch; no further average is taken.
 *
 * @param crossEntropy nats, divided by the batch's labelled tokens; 0 if there are none
 * @param terms those of the model, in its order
 * @param expertRows {@code [layer][expert]} choices of this rank's tokens; empty for dense layers
 */
public record StepSums(double crossEntropy, List<LossTerm> terms, long[][] expertRows) {
  /** The value of the objective. */
  public double total() {
    double total = crossEntropy;
    for (LossTerm term : terms) {
      total += term.weighted();
    }
    return total;
  }

  /** Value of a loss term; 0 if the model has none of this name. */
  public double term(String name) {
    return terms.stream()
        .filter(term -> term.name().equals(name))
        .mapToDouble(LossTerm::value)
        .sum();
  }
}
