package dev.gyre.model.hf;

import dev.gyre.partitioning.model.FeedForwardSpec;
import dev.gyre.partitioning.model.FeedForwardSpec.DenseMlp;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.RouterSpec;
import java.util.List;

/** {@code mixtral}: Jiang et al., Mixtral of Experts. */
final class Mixtral extends Family {
  Mixtral() {
    super(
        "mixtral",
        "MixtralForCausalLM",
        HfNames.MIXTRAL,
        "sliding_window",
        "layer_types",
        "num_local_experts",
        "num_experts_per_tok",
        "mlp_only_layers",
        HfKeys.WINDOW,
        HfKeys.LAYERS);
  }

  @Override
  double theta() {
    return 1e6;
  }

  @Override
  double normEps() {
    return 1e-5;
  }

  /** Its class has one window, for all layers; others have keys of Gyre's own. */
  @Override
  Window window(ConfigValues config, int depth) {
    int window = config.integer(HfKeys.WINDOW, 0);
    int theirs = config.integer("sliding_window", 0);
    requireOneKind(config.kinds("layer_types"), theirs);
    if (window > 0 && theirs > 0 && window != theirs) {
      throw HfConfig.invalid(
          HfKeys.WINDOW, window + " contradicts sliding_window " + theirs + "; remove one of them");
    }
    return new Window(config.kinds(HfKeys.LAYERS), Math.max(window, theirs));
  }

  /** The intended meaning of a file that says otherwise is unknown, so it is an error. */
  private static void requireOneKind(List<LayerKind> layers, int window) {
    LayerKind all = window > 0 ? LayerKind.SLIDING : LayerKind.FULL;
    if (layers.stream().anyMatch(kind -> kind != all)) {
      throw HfConfig.invalid(
          "layer_types",
          ("MixtralForCausalLM ignores it, and makes every layer %s here. Remove it to train that"
                  + " model; to attend by kinds of layers, name it %s, and the window %s")
              .formatted(all.key(), HfKeys.LAYERS, HfKeys.WINDOW));
    }
  }

  /** {@code mlp_only_layers} is Gyre's own here: the class has experts in every layer. */
  @Override
  FeedForwardSpec feedForward(ConfigValues config, int layer, int depth) {
    int experts = config.integer("num_local_experts");
    if (experts < 1) {
      throw HfConfig.invalid(
          "num_local_experts", experts + " must be positive; without experts: llama");
    }
    int width = config.integer("intermediate_size");
    return config.layers("mlp_only_layers", depth).contains(layer)
        ? new DenseMlp(width)
        : new MixtureOfExperts(
            experts, width, new RouterSpec.TopK(config.integer("num_experts_per_tok")));
  }
}
