package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.mask.AttentionMask;
import java.util.List;
import java.util.function.ToLongFunction;

/** The part of a layer that moves information between tokens. */
public sealed interface MixerSpec {
  HeadShape heads();

  LayerKind kind();

  /** All its tensors, in canonical order: norm, query, key, value, what is its own, output. */
  List<TensorSpec> tensors(LayerTensors layer);

  /**
   * FLOPs of one layer, forward and backward, apart from those of its weights.
   *
   * @param tokens of the row
   * @param pairs number of (query, key) pairs that a mask shows in the row
   */
  long flops(long tokens, ToLongFunction<AttentionMask> pairs);

  /**
   * Softmax attention: norm → q, k, v → rope → attention → output projection. Source: Vaswani et
   * al., Attention Is All You Need, section 3.2, with grouped heads of Ainslie et al., GQA.
   *
   * @param kind {@link LayerKind#FULL} or {@link LayerKind#SLIDING}
   * @param mask keys that a query sees; the same for all layers of one kind
   */
  record SoftmaxAttention(HeadShape heads, LayerKind kind, AttentionMask mask, RopeSpec rope)
      implements MixerSpec {
    public SoftmaxAttention {
      AttentionPattern.TOKENS.require("model.sliding_window", mask.window());
      AttentionPattern.TOKENS.require("model.attention_sinks", mask.sinks());
      AttentionPattern.TOKENS.require("model.prefix_length", mask.prefix());
      if (kind == LayerKind.LINEAR || (kind == LayerKind.SLIDING) != (mask.window() > 0)) {
        throw new Invalid("model.layer_types", kind.key() + " with mask " + mask);
      }
    }

    @Override
    public List<TensorSpec> tensors(LayerTensors layer) {
      TensorNames names = layer.names();
      return List.of(
          layer.norm(names.mixerNorm(), layer.width()),
          layer.matrix(names.query(), heads.queryWidth(), layer.width()),
          layer.matrix(names.key(), heads.keyValueWidth(), layer.width()),
          layer.matrix(names.value(), heads.keyValueWidth(), layer.width()),
          layer.matrix(names.attentionOutput(), layer.width(), heads.queryWidth()));
    }

    /**
     * Scores and weighted sums are two products of 2 FLOPs per pair, head and element forward;
     * backward computes five such products. Source: Dao, FlashAttention-2, section 4.1.
     */
    @Override
    public long flops(long tokens, ToLongFunction<AttentionMask> pairs) {
      return Math.multiplyExact(14 * heads.queryWidth(), pairs.applyAsLong(mask));
    }
  }

  /**
   * Linear attention with decay: norm → silu(q), silu(k), v → linear attention → norm → output
   * projection. Source: Qin et al., Lightning Attention-2.
   */
  record LinearAttention(HeadShape heads) implements MixerSpec {
    @Override
    public LayerKind kind() {
      return LayerKind.LINEAR;
    }

    @Override
    public List<TensorSpec> tensors(LayerTensors layer) {
      TensorNames names = layer.names();
      return List.of(
          layer.norm(names.mixerNorm(), layer.width()),
          layer.matrix(names.query(), heads.queryWidth(), layer.width()),
          layer.matrix(names.key(), heads.keyValueWidth(), layer.width()),
          layer.matrix(names.value(), heads.keyValueWidth(), layer.width()),
          layer.norm(names.attentionNorm(), heads.queryWidth()),
          layer.matrix(names.attentionOutput(), layer.width(), heads.queryWidth()));
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
