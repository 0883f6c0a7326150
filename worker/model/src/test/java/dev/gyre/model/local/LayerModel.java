package dev.gyre.model.local;

import dev.gyre.model.parameters.InitialWeights;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.model.Activation;
import dev.gyre.partitioning.model.Activation.ClampedSwiglu;
import dev.gyre.partitioning.model.Activation.Swiglu;
import dev.gyre.partitioning.model.AttentionFeatures;
import dev.gyre.partitioning.model.AttentionFeatures.QkNorm;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.FeedForwardSpec;
import dev.gyre.partitioning.model.FeedForwardSpec.DenseMlp;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.HeadSpec;
import dev.gyre.partitioning.model.Initialiser;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.LayerSpec;
import dev.gyre.partitioning.model.MixerSpec;
import dev.gyre.partitioning.model.MixerSpec.LatentAttention;
import dev.gyre.partitioning.model.MixerSpec.SoftmaxAttention;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RopeScaling;
import dev.gyre.partitioning.model.RopeSpec;
import dev.gyre.partitioning.model.RouterSpec;
import dev.gyre.partitioning.model.TensorSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;

/** Tiny models that together have every feature of layers but linear attention. */
public enum LayerModel {
  BIASES_AND_HEAD_NORM(
      layer(
          softmax(
              5,
              new RopeScaling.Linear(2),
              AttentionFeatures.biased(true, true).withNorm(QkNorm.HEAD)),
          new DenseMlp(6, new Swiglu(), true)),
      layer(
          softmax(
              0,
              new RopeScaling.Linear(2),
              AttentionFeatures.biased(true, true).withNorm(QkNorm.HEAD)),
          new DenseMlp(6, new Swiglu(), true))),

  CLIP_AND_TOKEN_NORM(
      layer(
          softmax(
              0,
              new RopeScaling.None(),
              AttentionFeatures.biased(true, false).withNorm(QkNorm.TOKEN).withClip(0.8)),
          new DenseMlp(5, new ClampedSwiglu(1.3, 0.6), true)),
      layer(
          softmax(0, new RopeScaling.None(), AttentionFeatures.PLAIN.withClip(0.7)),
          new DenseMlp(7))),

  /** As gpt-oss has them. */
  SINKS_AND_CLAMPED_EXPERTS(
      layer(
          softmax(4, yarn(0), AttentionFeatures.biased(true, true).withSinkLogits()),
          experts(5, new ClampedSwiglu(1.702, 0.7), true, new RouterSpec.TopK(2, true, true), 0)),
      layer(
          softmax(0, yarn(0), AttentionFeatures.biased(true, true).withSinkLogits()),
          experts(5, new ClampedSwiglu(1.702, 0.7), true, new RouterSpec.TopK(2, true, true), 0))),

  /** Experts' weights that do not sum to one. */
  PROBABILITIES_AS_WEIGHTS(
      layer(
          softmax(
              0,
              new RopeScaling.Llama3(8, 1, 4, 16),
              AttentionFeatures.PLAIN.withNorm(QkNorm.HEAD)),
          experts(4, new Swiglu(), false, new RouterSpec.TopK(2, false, false), 3)),
      layer(
          softmax(
              0,
              new RopeScaling.Llama3(8, 1, 4, 16),
              AttentionFeatures.PLAIN.withNorm(QkNorm.HEAD)),
          experts(4, new Swiglu(), false, new RouterSpec.TopK(2, false, false), 0))),

  /** As DeepSeek-V3 has them. */
  LATENT_ATTENTION_AND_GROUPS(
      layer(latent(5, 5, true), new DenseMlp(7)),
      layer(
          latent(5, 5, true),
          experts(6, new Swiglu(), false, new RouterSpec.GroupTopK(2, 3, 2, true, 2.5), 4))),

  /** Queries without a latent, values as wide as keys, experts in one group. */
  LATENT_ATTENTION_WITH_DIRECT_QUERIES(
      layer(latent(0, 6, false), new DenseMlp(7)),
      layer(
          latent(0, 6, false),
          experts(5, new Swiglu(), false, new RouterSpec.GroupTopK(3, 1, 1, false, 1.5), 3)));

  private static final int VOCABULARY = 9;
  private static final int WIDTH = 8;

  private final List<LayerSpec> layers;

  LayerModel(LayerSpec... layers) {
    this.layers = List.of(layers);
  }

  public ModelSpec spec() {
    return new ModelSpec(
        new EmbeddingSpec(VOCABULARY, WIDTH), layers, new HeadSpec(false), 1e-5, 0);
  }

  private static LayerSpec layer(MixerSpec mixer, FeedForwardSpec feedForward) {
    return new LayerSpec(mixer, feedForward);
  }

  private static MixerSpec softmax(int window, RopeScaling scaling, AttentionFeatures features) {
    return new SoftmaxAttention(
        new HeadShape(4, 2, 4),
        window > 0 ? LayerKind.SLIDING : LayerKind.FULL,
        AttentionMask.window(window),
        new RopeSpec(100, scaling),
        features);
  }

  private static MixerSpec latent(int queryRank, int valueSize, boolean bias) {
    return new LatentAttention(
        new HeadShape(3, 3, 6),
        AttentionMask.CAUSAL,
        new RopeSpec(100, yarn(0.8)),
        queryRank,
        4,
        2,
        valueSize,
        bias);
  }

  private static RopeScaling yarn(double latentScale) {
    double factor = RopeScaling.Yarn.usualAttentionFactor(4);
    return new RopeScaling.Yarn(4, 8, 2, 0.25, false, factor, latentScale);
  }

  private static FeedForwardSpec experts(
      int count, Activation activation, boolean bias, RouterSpec router, int sharedWidth) {
    return new MixtureOfExperts(count, 6, activation, bias, router, sharedWidth);
  }

  /**
   * Weights for tests: norms differ from 1 and biases from 0, so that a gradient of one is not that
   * of another.
   */
  public static float[] weights(TensorSpec spec) {
    float[] values = new float[Math.toIntExact(spec.elements())];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(spec.elements() * Float.BYTES, Float.BYTES);
      InitialWeights.fill(spec, 5, spec.whole(), memory);
      MemorySegment.copy(memory, ValueLayout.JAVA_FLOAT, 0, values, 0, values.length);
    }
    Random random = new Random(spec.name().hashCode());
    for (int i = 0; i < values.length; i++) {
      values[i] *= 1 + 0.1f * (i % 3);
      if (spec.initialiser() instanceof Initialiser.Zeros) {
        values[i] = (float) (0.4 * random.nextGaussian());
      }
    }
    return values;
  }
}
