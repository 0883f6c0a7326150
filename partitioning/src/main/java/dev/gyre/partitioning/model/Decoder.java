package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.FeedForwardSpec.DenseMlp;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.MixerSpec.LinearAttention;
import dev.gyre.partitioning.model.MixerSpec.SoftmaxAttention;
import java.util.ArrayList;
import java.util.List;

/**
 * Builds the usual decoder, whose layers differ only in their kind of attention and in whether they
 * have experts. What is not set: a dense MLP of twice the width, full attention in every layer, an
 * untied head, norm epsilon 1e-5, RoPE theta 10,000, initial weights of 1/√fan-in.
 */
public final class Decoder {
  private final EmbeddingSpec embedding;
  private final int depth;
  private final HeadShape heads;
  private int mlpWidth;
  private int experts;
  private int perToken;
  private List<Integer> mlpOnly = List.of();
  private AttentionPattern attention = AttentionPattern.FULL;
  private boolean tied;
  private double normEps = 1e-5;
  private double ropeTheta = 10_000;
  private double initializerRange;

  /**
   * @param depth number of layers
   */
  public Decoder(EmbeddingSpec embedding, int depth, HeadShape heads) {
    this.embedding = embedding;
    ModelSpec.LAYERS.require("model.num_hidden_layers", depth);
    this.depth = depth;
    this.heads = heads;
    this.mlpWidth = 2 * embedding.width();
  }

  /**
   * @param width elements of the hidden layer of an MLP or of one expert
   */
  public Decoder mlp(int width) {
    mlpWidth = width;
    return this;
  }

  /**
   * @param count experts per layer; 0 for a dense model
   * @param chosen experts per token (top-k)
   */
  public Decoder experts(int count, int chosen) {
    MixtureOfExperts.EXPERTS.require("model.num_local_experts", count);
    experts = count;
    perToken = chosen;
    return this;
  }

  /**
   * @param layers those with a dense MLP in a model with experts, counted from 0
   */
  public Decoder mlpOnly(List<Integer> layers) {
    for (int layer : layers) {
      Invalid.require(
          layer >= 0 && layer < depth,
          "model.mlp_only_layers",
          "layer " + layer + " is outside 0.." + (depth - 1));
    }
    mlpOnly = List.copyOf(layers);
    return this;
  }

  public Decoder attention(AttentionPattern pattern) {
    Invalid.require(
        pattern.layers().isEmpty() || pattern.layers().size() == depth,
        "model.layer_types",
        pattern.layers().size() + " kinds for num_hidden_layers " + depth);
    attention = pattern;
    return this;
  }

  public Decoder tied(boolean isTied) {
    tied = isTied;
    return this;
  }

  public Decoder normEps(double eps) {
    normEps = eps;
    return this;
  }

  public Decoder ropeTheta(double theta) {
    ropeTheta = theta;
    return this;
  }

  /** See {@link ModelSpec#initializerRange}. */
  public Decoder initializerRange(double range) {
    initializerRange = range;
    return this;
  }

  /**
   * @throws Invalid naming the value that cannot be
   */
  public ModelSpec spec() {
    RopeSpec rope = new RopeSpec(ropeTheta);
    FeedForwardSpec dense = new DenseMlp(mlpWidth);
    FeedForwardSpec mixture =
        experts == 0
            ? dense
            : new MixtureOfExperts(experts, mlpWidth, new RouterSpec.TopK(perToken));
    List<LayerSpec> layers = new ArrayList<>();
    for (int layer = 0; layer < depth; layer++) {
      LayerKind kind = attention.kind(layer);
      MixerSpec mixer =
          kind == LayerKind.LINEAR
              ? new LinearAttention(heads)
              : new SoftmaxAttention(heads, kind, attention.mask(layer), rope);
      layers.add(new LayerSpec(mixer, mlpOnly.contains(layer) ? dense : mixture));
    }
    return new ModelSpec(embedding, layers, new HeadSpec(tied), normEps, initializerRange);
  }
}
