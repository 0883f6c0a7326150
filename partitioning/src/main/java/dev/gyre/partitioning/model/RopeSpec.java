package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import java.util.Locale;

/**
 * Rotary position embedding. Source: Su et al., RoFormer, section 3.2.
 *
 * @param theta base of the frequencies
 */
public record RopeSpec(double theta, RopeScaling scaling) {
  public static final NumberRange THETA = NumberRange.above(0);

  public RopeSpec {
    THETA.require("model.rope_theta", theta);
    Invalid.requireGiven(scaling, "model.rope");
    Invalid.require(
        theta > 1 || !(scaling instanceof RopeScaling.Yarn),
        "model.rope_theta",
        theta + " must be greater than 1 for yarn");
  }

  /** Without scaling. */
  public RopeSpec(double theta) {
    this(theta, new RopeScaling.None());
  }

  /**
   * For the user: {@code theta 500,000, llama3 × 8.0 of 8,192 tokens}; unusual values are added.
   */
  public String describe() {
    return String.format(Locale.ROOT, "theta %,.0f, %s", theta, scaling.describe());
  }

  /**
   * Radians per token of each pair of elements.
   *
   * @param size rotated elements of a head, even
   */
  public double[] frequencies(int size) {
    double[] frequencies = new double[size / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = Math.pow(theta, -2.0 * i / size);
    }
    scaling.apply(frequencies, theta);
    return frequencies;
  }
}
