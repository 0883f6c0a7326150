package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.mask.AttentionMask;
import java.util.ArrayList;
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

  private static List<TensorSpec> attention(
      LayerTensors layer, HeadShape heads, TensorSpec... own) {
    TensorNames names = layer.names();
    List<TensorSpec> list = new ArrayList<>();
    list.add(layer.norm(names.mixerNorm(), layer.width()));
    list.add(layer.matrix(names.query(), heads.queryWidth(), layer.width()));
    list.add(layer.matrix(names.key(), heads.keyValueWidth(), layer.width()));
    list.add(layer.matrix(names.value(), heads.keyValueWidth(), layer.width()));
    list.addAll(List.of(own));
    list.add(layer.matrix(names.attentionOutput(), layer.width(), heads.queryWidth()));
    return list;
  }

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
      Invalid.requireGiven(heads, "model.layers.mixer.heads");
      Invalid.requireGiven(kind, "model.layer_types");
      Invalid.requireGiven(mask, "model.layers.mixer.mask");
      Invalid.requireGiven(rope, "model.layers.mixer.rope");
      AttentionPattern.TOKENS.require("model.sliding_window", mask.window());
      AttentionPattern.TOKENS.require("model.attention_sinks", mask.sinks());
      AttentionPattern.TOKENS.require("model.prefix_length", mask.prefix());
      if (kind == LayerKind.LINEAR || (kind == LayerKind.SLIDING) != (mask.window() > 0)) {
        throw new Invalid("model.layer_types", kind.key() + " with mask " + mask);
      }
    }

    @Override
    public List<TensorSpec> tensors(LayerTensors layer) {
      return attention(layer, heads);
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
    public LinearAttention {
      Invalid.requireGiven(heads, "model.layers.mixer.heads");
    }

    @Override
    public LayerKind kind() {
      return LayerKind.LINEAR;
    }

    @Override
    public List<TensorSpec> tensors(LayerTensors layer) {
      return attention(layer, heads, layer.norm(layer.names().attentionNorm(), heads.queryWidth()));
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
