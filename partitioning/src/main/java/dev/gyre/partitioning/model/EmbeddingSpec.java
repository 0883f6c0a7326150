package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.NumberRange;

/**
 * The token embedding, which starts the residual stream.
 *
 * @param vocabulary number of token ids
 * @param width elements of a token in the residual stream
 */
public record EmbeddingSpec(int vocabulary, int width) {
  public static final NumberRange VOCABULARY = NumberRange.whole(1, 1 << 24);
  public static final NumberRange WIDTH = NumberRange.whole(1, 1 << 20);

  public EmbeddingSpec {
    VOCABULARY.require("model.vocab_size", vocabulary);
    WIDTH.require("model.hidden_size", width);
  }
}
