package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.model.AttentionFeatures.QkNorm;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/** The part of a layer that moves information between tokens. */
public sealed interface MixerSpec {
  HeadShape heads();

  LayerKind kind();

  /** Keys that a query sees; null for linear attention, which has none. */
  @Nullable AttentionMask mask();

  /** All its tensors, in canonical order: norm, query, key, value, what is its own, output. */
  List<TensorSpec> tensors(LayerTensors layer);

  /**
   * FLOPs of one layer, forward and backward, apart from those of its weights.
   *
   * @param tokens of the row
   * @param pairs number of (query, key) pairs that a mask shows in the row
   */
  long flops(long tokens, ToLongFunction<AttentionMask> pairs);

  /** A mixer whose queries attend to keys by softmax. */
  sealed interface Softmax extends MixerSpec {
    @Override
    AttentionMask mask();

    RopeSpec rope();

    /** Elements of a head that are rotated: the last. */
    int rotated();

    default Rotation rotation() {
      return new Rotation(rope(), rotated());
    }

    /**
     * Scores and weighted sums are two products of 2 FLOPs per pair, head and element forward;
     * backward computes five such products. Source: Dao, FlashAttention-2, section 4.1.
     */
    @Override
    default long flops(long tokens, ToLongFunction<AttentionMask> pairs) {
      return Math.multiplyExact(14 * heads().queryWidth(), pairs.applyAsLong(mask()));
    }
  }

  private static List<TensorSpec> projections(LayerTensors layer, HeadShape heads) {
    TensorNames names = layer.names();
    List<TensorSpec> list = new ArrayList<>();
    list.add(layer.norm(names.mixerNorm(), layer.width()));
    list.add(layer.matrix(names.query(), heads.queryWidth(), layer.width()));
    list.add(layer.matrix(names.key(), heads.keyValueWidth(), layer.width()));
    list.add(layer.matrix(names.value(), heads.keyValueWidth(), layer.width()));
    return list;
  }

  /**
   * Softmax attention: norm → q, k, v → rope → attention → output projection. Source: Vaswani et
   * al., Attention Is All You Need, section 3.2, with grouped heads of Ainslie et al., GQA.
   *
   * @param kind {@link LayerKind#FULL} or {@link LayerKind#SLIDING}
   * @param mask keys that a query sees; the same for all layers of one kind
   */
  record SoftmaxAttention(
      HeadShape heads,
      LayerKind kind,
      AttentionMask mask,
      RopeSpec rope,
      AttentionFeatures features)
      implements Softmax {
    public SoftmaxAttention {
      Invalid.requireGiven(heads, "model.layers.mixer.heads");
      Invalid.requireGiven(kind, "model.layer_types");
      Invalid.requireGiven(mask, "model.layers.mixer.mask");
      Invalid.requireGiven(rope, "model.layers.mixer.rope");
      Invalid.requireGiven(features, "model.layers.mixer.features");
      AttentionPattern.TOKENS.require("model.sliding_window", mask.window());
      AttentionPattern.TOKENS.require("model.attention_sinks", mask.sinks());
      AttentionPattern.TOKENS.require("model.prefix_length", mask.prefix());
      if (kind == LayerKind.LINEAR || (kind == LayerKind.SLIDING) != (mask.window() > 0)) {
        throw new Invalid("model.layer_types", kind.key() + " with mask " + mask);
      }
    }

    /** Without further features. */
    public SoftmaxAttention(HeadShape heads, LayerKind kind, AttentionMask mask, RopeSpec rope) {
      this(heads, kind, mask, rope, AttentionFeatures.PLAIN);
    }

    @Override
    public int rotated() {
      return heads.size();
    }

    @Override
    public List<TensorSpec> tensors(LayerTensors layer) {
      TensorNames names = layer.names();
      List<TensorSpec> list = projections(layer, heads);
      if (features.inputBias()) {
        list.add(layer.bias(names.queryBias(), heads.queryWidth()));
        list.add(layer.bias(names.keyBias(), heads.keyValueWidth()));
        list.add(layer.bias(names.valueBias(), heads.keyValueWidth()));
      }
      if (features.qkNorm() != QkNorm.NONE) {
        boolean head = features.qkNorm() == QkNorm.HEAD;
        list.add(layer.norm(names.queryNorm(), head ? heads.size() : heads.queryWidth()));
        list.add(layer.norm(names.keyNorm(), head ? heads.size() : heads.keyValueWidth()));
      }
      if (features.sinkLogits()) {
        list.add(layer.bias(names.sinkLogits(), heads.queries()));
      }
      list.add(layer.matrix(names.attentionOutput(), layer.width(), heads.queryWidth()));
      if (features.outputBias()) {
        list.add(layer.bias(names.attentionOutputBias(), layer.width()));
      }
      return list;
    }
  }

  /**
   * Multi-head latent attention: norm → latents of queries, and of keys and values → their norms →
   * q, k, v → attention → output projection. Only the last elements of a head are rotated, and
   * those of a token's key are the same for all heads. Source: DeepSeek-AI, DeepSeek-V2, section
   * 2.1.
   *
   * @param heads as many key/value as query heads; their size is that of queries and keys
   * @param queryRank elements of the queries' latent; 0 to project them directly
   * @param keyValueRank elements of the latent of keys and values
   * @param rotated last elements of a query or key head, rotated; even
   * @param valueSize elements of a value head, at most those of a key head
   * @param bias whether the projections to the latents and the output projection have a bias
   */
  record LatentAttention(
      HeadShape heads,
      AttentionMask mask,
      RopeSpec rope,
      int queryRank,
      int keyValueRank,
      int rotated,
      int valueSize,
      boolean bias)
      implements Softmax {
    private static final NumberRange RANK = NumberRange.whole(1, 1 << 20);

    /** Epsilon of the latents' norms, whatever the model's: the published code has it fixed. */
    public static final double NORM_EPS = 1e-6;

    public LatentAttention {
      Invalid.requireGiven(heads, "model.layers.mixer.heads");
      Invalid.requireGiven(mask, "model.layers.mixer.mask");
      Invalid.requireGiven(rope, "model.layers.mixer.rope");
      Invalid.require(
          heads.keyValues() == heads.queries(),
          "model.num_key_value_heads",
          "%d must be num_attention_heads %d: latent attention has a key for each query head"
              .formatted(heads.keyValues(), heads.queries()));
      Invalid.require(
          mask.window() == 0, "model.sliding_window", "is not implemented for latent attention");
      NumberRange.atLeast(0).require("model.q_lora_rank", queryRank);
      RANK.require("model.kv_lora_rank", keyValueRank);
      NumberRange.whole(2, heads.size()).require("model.qk_rope_head_dim", rotated);
      Invalid.require(rotated % 2 == 0, "model.qk_rope_head_dim", rotated + " must be even");
      NumberRange.whole(1, heads.size()).require("model.v_head_dim", valueSize);
    }

    @Override
    public LayerKind kind() {
      return LayerKind.FULL;
    }

    /** Elements of a query or key head that are not rotated. */
    public int unrotated() {
      return heads.size() - rotated;
    }

    @Override
    public List<TensorSpec> tensors(LayerTensors layer) {
      TensorNames names = layer.names();
      long width = layer.width();
      List<TensorSpec> list = new ArrayList<>();
      list.add(layer.norm(names.mixerNorm(), width));
      if (queryRank > 0) {
        list.add(layer.matrix(names.queryDown(), queryRank, width));
        list.add(layer.norm(names.queryLatentNorm(), queryRank));
      }
      list.add(layer.matrix(names.query(), heads.queryWidth(), queryRank > 0 ? queryRank : width));
      list.add(layer.matrix(names.keyValueDown(), keyValueRank + rotated, width));
      list.add(layer.norm(names.keyValueLatentNorm(), keyValueRank));
      long both = (long) heads.queries() * (unrotated() + valueSize);
      list.add(layer.matrix(names.keyValueUp(), both, keyValueRank));
      list.add(layer.matrix(names.attentionOutput(), width, (long) heads.queries() * valueSize));
      if (bias) {
        if (queryRank > 0) {
          list.add(layer.bias(names.queryDownBias(), queryRank));
        }
        list.add(layer.bias(names.keyValueDownBias(), keyValueRank + rotated));
        list.add(layer.bias(names.attentionOutputBias(), width));
      }
      return list;
    }
  }

  /**
   * Linear attention with decay: norm → silu(q), silu(k), v → linear attention → norm → output
   * projection. Source: Qin et al., Lightning Attention-2.
   */
  record LinearAttention(HeadShape heads) implements MixerSpec {
    public LinearAttention {
      Invalid.requireGiven(heads, "model.layers.mixer.heads");
    }

    @Override
    public LayerKind kind() {
      return LayerKind.LINEAR;
    }

    @Override
    public @Nullable AttentionMask mask() {
      return null;
    }

    @Override
    public List<TensorSpec> tensors(LayerTensors layer) {
      TensorNames names = layer.names();
      List<TensorSpec> list = projections(layer, heads);
      list.add(layer.norm(names.attentionNorm(), heads.queryWidth()));
      list.add(layer.matrix(names.attentionOutput(), layer.width(), heads.queryWidth()));
      return list;
    }

    /**
     * The products key · value and query · state take 4·D² per token and head; backward takes twice
     * that.
     */
    @Override
    public long flops(long tokens, ToLongFunction<AttentionMask> pairs) {
      return Math.multiplyExact(12 * heads.queryWidth() * heads.size(), tokens);
    }
  }
}
