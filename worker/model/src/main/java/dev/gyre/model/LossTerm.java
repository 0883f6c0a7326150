package dev.gyre.model;

/**
 * A term that routers add to the loss.
 *
 * @param name as the model's routers name it
 * @param coefficient of the objective
 * @param value this rank's part, without its coefficient
 */
public record LossTerm(String name, double coefficient, double value) {
  /** What it adds to the loss. */
  public double weighted() {
    return coefficient * value;
  }
}
