package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.Invalid;

/**
 * A decoder layer: two blocks, each of which reads the normed residual stream and adds to it.
 *
 * @param mixer moves information between tokens
 * @param feedForward computes each token by itself
 */
public record LayerSpec(MixerSpec mixer, FeedForwardSpec feedForward) {
  public LayerSpec {
    Invalid.requireGiven(mixer, "model.layers.mixer");
    Invalid.requireGiven(feedForward, "model.layers.feedForward");
  }
}
