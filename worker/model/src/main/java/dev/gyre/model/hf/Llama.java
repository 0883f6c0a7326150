package dev.gyre.model.hf;

import dev.gyre.partitioning.model.Activation;
import dev.gyre.partitioning.model.AttentionFeatures;
import dev.gyre.partitioning.model.FeedForwardSpec;
import dev.gyre.partitioning.model.FeedForwardSpec.DenseMlp;
import dev.gyre.partitioning.model.LayerKind;

/** {@code llama}: Touvron et al., Llama 2; Llama 3. */
final class Llama extends Family {
  Llama() {
    super(
        "llama",
        "LlamaForCausalLM",
        HfNames.DENSE,
        "attention_bias",
        "mlp_bias",
        "sliding_window",
        "layer_types",
        "num_local_experts",
        "num_experts_per_tok",
        HfKeys.WINDOW,
        HfKeys.LAYERS);
  }

  @Override
  int keyValueHeads(ConfigValues config, int heads) {
    return config.integer("num_key_value_heads", heads);
  }

  /** Its class has no window, so one has keys of Gyre's own. */
  @Override
  Window window(ConfigValues config, int depth) {
    int window = config.integer(HfKeys.WINDOW, 0);
    Window own = new Window(config.kinds(HfKeys.LAYERS), window);
    int theirs = config.integer("sliding_window", 0);
    if (theirs > 0 && theirs != window) {
      config.warn(
          ("sliding_window %d is ignored, as LlamaForCausalLM ignores it: the model attends without"
                  + " a window. To attend with one, name it %s")
              .formatted(theirs, HfKeys.WINDOW));
    }
    var kinds = config.kinds("layer_types");
    if (kinds.contains(LayerKind.SLIDING) && !kinds.equals(own.kinds())) {
      config.warn(
          "layer_types is ignored, as LlamaForCausalLM ignores it. To attend by kinds of layers, name"
              + " it "
              + HfKeys.LAYERS);
    }
    return own;
  }

  @Override
  AttentionFeatures features(ConfigValues config) {
    boolean bias = config.flag("attention_bias", false);
    return AttentionFeatures.biased(bias, bias);
  }

  @Override
  FeedForwardSpec feedForward(ConfigValues config, int layer, int depth) {
    if (config.integer("num_local_experts", 0) + config.integer("num_experts_per_tok", 0) > 0) {
      throw HfConfig.invalid(
          "num_local_experts", "a llama model has no experts; use model_type mixtral");
    }
    return new DenseMlp(
        config.integer("intermediate_size"),
        new Activation.Swiglu(),
        config.flag("mlp_bias", false));
  }
}
