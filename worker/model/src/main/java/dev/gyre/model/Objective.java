package dev.gyre.model;

/**
 * The objective that training minimises: cross-entropy + balance · Σ_layers E·Σ fₑPₑ + z · Σ_layers
 * mean lse².
 *
 * @param balance α of the load-balance loss
 * @param z coefficient of the router z-loss
 */
public record Objective(double balance, double z) {
  /** Cross-entropy alone. */
  public static final Objective CROSS_ENTROPY = new Objective(0, 0);

  public Objective {
    if (!(balance >= 0) || !(z >= 0)) {
      throw new IllegalArgumentException(
          "loss coefficients must be at least 0: balance " + balance + ", z " + z);
    }
  }
}
