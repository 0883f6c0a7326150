package dev.gyre.model;

import dev.gyre.partitioning.model.RouterSpec;
import java.util.Map;

/**
 * The objective that training minimises: cross-entropy, plus each loss term of the model times its
 * coefficient.
 *
 * @param coefficients by name of the loss term; a term that is not named has 0
 */
public record Objective(Map<String, Double> coefficients) {
  /** Cross-entropy alone. */
  public static final Objective CROSS_ENTROPY = new Objective(Map.of());

  public Objective {
    coefficients = Map.copyOf(coefficients);
    coefficients.forEach(
        (name, coefficient) -> {
          if (!(coefficient >= 0)) {
            throw new IllegalArgumentException(
                "coefficient of loss term %s must be at least 0: %s".formatted(name, coefficient));
          }
        });
  }

  /** Coefficients of the two terms of {@link RouterSpec.TopK}. */
  public static Objective of(double balance, double z) {
    return new Objective(Map.of(RouterSpec.TopK.BALANCE, balance, RouterSpec.TopK.Z, z));
  }

  public double coefficient(String name) {
    return coefficients.getOrDefault(name, 0.0);
  }
}
