package dev.gyre.model.port;

import dev.gyre.kernels.Tensor;

/**
 * Scores that enter each head's softmax like a key with value 0.
 *
 * @param values F32 [H]
 * @param gradient F32 [H], to which backward adds
 */
public record SinkLogits(Tensor values, Tensor gradient) {}
