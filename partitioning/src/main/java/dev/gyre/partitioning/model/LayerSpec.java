package dev.gyre.partitioning.model;

/**
 * A decoder layer: two blocks, each of which reads the normed residual stream and adds to it.
 *
 * @param mixer moves information between tokens
 * @param feedForward computes each token by itself
 */
public record LayerSpec(MixerSpec mixer, FeedForwardSpec feedForward) {}
