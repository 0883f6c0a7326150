package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.NumberRange;

/** How an MLP joins its gate and up projections. */
public sealed interface Activation {
  /** silu(gate)·up. Source: Shazeer, GLU Variants Improve Transformer. */
  record Swiglu() implements Activation {}

  /**
   * (u + 1)·g·σ(alpha·g), with g the gate bounded above by the limit and u the up projection
   * bounded by it in both directions. Source: OpenAI, gpt-oss model card.
   */
  record ClampedSwiglu(double alpha, double limit) implements Activation {
    public ClampedSwiglu {
      NumberRange.above(0).require("model.layers.feedForward.activation.alpha", alpha);
      NumberRange.above(0).require("model.swiglu_limit", limit);
    }
  }
}
