package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.NumberRange;

/**
 * Rotary position embedding. Source: Su et al., RoFormer, section 3.2.
 *
 * @param theta base of the frequencies
 */
public record RopeSpec(double theta) {
  public static final NumberRange THETA = NumberRange.above(0);

  public RopeSpec {
    THETA.require("model.rope_theta", theta);
  }
}
