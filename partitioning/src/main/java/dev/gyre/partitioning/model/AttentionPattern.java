package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.mask.AttentionMask;
import java.util.List;

/**
 * The tokens that each layer of a model attends to. Window, sinks, anchor and prefix apply to
 * softmax layers. Linear layers are causal inside each document.
 *
 * @param layers kind of each layer; empty for one kind everywhere: sliding if there is a window,
 *     else full
 * @param window keys a query of a sliding layer sees, itself included; 0 for no window
 * @param sinks first tokens of a document that its sliding layers see outside of the window
 * @param anchor whether the row's first token is visible to all its documents, in every softmax
 *     layer
 * @param prefix first tokens of each document that attend to each other in both directions, in
 *     every softmax layer; they are input only, so a token whose label would be one of them has no
 *     label
 */
public record AttentionPattern(
    List<LayerKind> layers, int window, int sinks, boolean anchor, int prefix) {
  /** Range of window, sinks and prefix, in tokens. */
  public static final NumberRange TOKENS = NumberRange.whole(0, 1L << 30);

  /** Full attention in every layer. */
  public static final AttentionPattern FULL = sliding(0);

  public AttentionPattern {
    layers = List.copyOf(layers);
    TOKENS.require("model.sliding_window", window);
    Invalid.require(
        window > 0 || !layers.contains(LayerKind.SLIDING),
        "model.sliding_window",
        "is needed by layer_types sliding_attention; give the keys a query sees");
    TOKENS.require("model.attention_sinks", sinks);
    Invalid.require(
        sinks == 0 || window > 0,
        "model.attention_sinks",
        sinks + " without a window: full attention sees them anyway; set model.sliding_window");
    TOKENS.require("model.prefix_length", prefix);
    if (!layers.isEmpty() && layers.stream().allMatch(kind -> kind == LayerKind.LINEAR)) {
      requireNoMask("sliding_window", window > 0);
      requireNoMask("anchor_token", anchor);
      requireNoMask("prefix_length", prefix > 0);
    }
  }

  /**
   * The state of a linear layer sums all earlier tokens of the document, so a mask cannot be
   * applied to it.
   */
  private static void requireNoMask(String key, boolean set) {
    Invalid.require(
        !set,
        "model." + key,
        ("is for softmax layers, but all of layer_types are %s, causal inside each document. Leave it"
                + " out, or make some layers %s or %s")
            .formatted(LayerKind.LINEAR.key(), LayerKind.FULL.key(), LayerKind.SLIDING.key()));
  }

  /** Without sinks, anchor or prefix. */
  public AttentionPattern(List<LayerKind> layers, int window) {
    this(layers, window, 0, false, 0);
  }

  /**
   * The same in every layer.
   *
   * @param window keys a query sees, itself included; 0 for all before it
   */
  public static AttentionPattern sliding(int window) {
    return new AttentionPattern(List.of(), window);
  }

  public LayerKind kind(int layer) {
    if (layers.isEmpty()) {
      return window > 0 ? LayerKind.SLIDING : LayerKind.FULL;
    }
    return layers.get(layer);
  }

  /**
   * Which keys a softmax layer's queries see.
   *
   * @throws IllegalArgumentException for a linear layer, which has no mask
   */
  public AttentionMask mask(int layer) {
    return switch (kind(layer)) {
      case FULL -> new AttentionMask(0, 0, anchor, prefix);
      case SLIDING -> new AttentionMask(window, sinks, anchor, prefix);
      case LINEAR ->
          throw new IllegalArgumentException("layer " + layer + " is linear: it has no mask");
    };
  }
}
