package dev.gyre.partitioning.job;

import dev.gyre.partitioning.layout.AttentionMask;
import java.util.List;

/**
 * How the layers of a model mix tokens.
 *
 * @param layers kind of each layer; empty for one kind everywhere: sliding if there is a window,
 *     else full
 * @param window keys a query of a sliding layer sees, itself included; 0 for no window
 */
public record AttentionPattern(List<LayerKind> layers, int window) {
  /** Full attention in every layer. */
  public static final AttentionPattern FULL = sliding(0);

  public AttentionPattern {
    layers = List.copyOf(layers);
    Invalid.require(window >= 0, "model.sliding_window", window + " is negative");
    Invalid.require(
        window > 0 || !layers.contains(LayerKind.SLIDING),
        "model.sliding_window",
        "is needed by layer_types sliding_attention; give the keys a query sees");
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

  public AttentionMask mask(int layer) {
    return switch (kind(layer)) {
      case FULL -> AttentionMask.CAUSAL;
      case SLIDING -> AttentionMask.window(window);
    };
  }
}
