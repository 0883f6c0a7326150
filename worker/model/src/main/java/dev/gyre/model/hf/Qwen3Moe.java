package dev.gyre.model.hf;

import dev.gyre.partitioning.model.AttentionFeatures;
import dev.gyre.partitioning.model.FeedForwardSpec;
import dev.gyre.partitioning.model.FeedForwardSpec.DenseMlp;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.RouterSpec;
import java.util.List;

/** {@code qwen3_moe}: Yang et al., Qwen3 Technical Report. */
final class Qwen3Moe extends Family {
  Qwen3Moe() {
    super(
        "qwen3_moe",
        "Qwen3MoeForCausalLM",
        HfNames.EXPERTS,
        "attention_bias",
        "use_qk_norm", // the class always norms them
        "use_sliding_window",
        "sliding_window",
        "num_experts",
        "num_local_experts",
        "num_experts_per_tok",
        "moe_intermediate_size",
        "norm_topk_prob",
        "decoder_sparse_step",
        "mlp_only_layers");
  }

  @Override
  Window window(ConfigValues config, int depth) {
    return new Window(List.of(), QwenWindow.tokens(config));
  }

  @Override
  AttentionFeatures features(ConfigValues config) {
    return Qwen3.features(config.flag("attention_bias", false));
  }

  @Override
  FeedForwardSpec feedForward(ConfigValues config, int layer, int depth) {
    int step = config.integer("decoder_sparse_step", 1);
    if (step < 1) {
      throw HfConfig.invalid("decoder_sparse_step", step + " must be positive");
    }
    int experts = experts(config);
    boolean dense = config.layers("mlp_only_layers", depth).contains(layer);
    if (dense || experts == 0 || (layer + 1) % step != 0) {
      return new DenseMlp(config.integer("intermediate_size"));
    }
    return new MixtureOfExperts(
        experts,
        config.integer("moe_intermediate_size"),
        new RouterSpec.TopK(
            config.integer("num_experts_per_tok"), config.flag("norm_topk_prob", false), false));
  }
}
