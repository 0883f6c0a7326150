package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;

/**
 * What the model families add to plain softmax attention.
 *
 * @param inputBias whether the projections to q, k and v have a bias
 * @param outputBias whether the output projection has one
 * @param qkNorm RMSNorm of q and k after their projection
 * @param clip bound on the magnitude of elements of q, k and v before the rotation; 0 for none
 * @param sinkLogits whether each head has a trained score that enters its softmax like a key with
 *     value 0. Source: Xiao et al., Efficient Streaming Language Models with Attention Sinks,
 *     section 3.3; OpenAI, gpt-oss model card
 */
public record AttentionFeatures(
    boolean inputBias, boolean outputBias, QkNorm qkNorm, double clip, boolean sinkLogits) {
  public static final AttentionFeatures PLAIN =
      new AttentionFeatures(false, false, QkNorm.NONE, 0, false);

  /** What is normed together. Source: Henry et al., Query-Key Normalization for Transformers. */
  public enum QkNorm {
    NONE,
    /** Each head by itself; all heads share the norm's weights. */
    HEAD,
    /** All heads of a token together. */
    TOKEN
  }

  public AttentionFeatures {
    Invalid.requireGiven(qkNorm, "model.layers.mixer.features.qkNorm");
    NumberRange.atLeast(0).require("model.clip_qkv", clip);
  }

  /** With biases. */
  public static AttentionFeatures biased(boolean input, boolean output) {
    return new AttentionFeatures(input, output, QkNorm.NONE, 0, false);
  }

  public AttentionFeatures withNorm(QkNorm norm) {
    return new AttentionFeatures(inputBias, outputBias, norm, clip, sinkLogits);
  }

  /**
   * @param limit 0 for none
   */
  public AttentionFeatures withClip(double limit) {
    return new AttentionFeatures(inputBias, outputBias, qkNorm, limit, sinkLogits);
  }

  public AttentionFeatures withSinkLogits() {
    return new AttentionFeatures(inputBias, outputBias, qkNorm, clip, true);
  }
}
