package dev.gyre.model.hf;

import dev.gyre.partitioning.model.AttentionFeatures;
import dev.gyre.partitioning.model.AttentionFeatures.QkNorm;
import dev.gyre.partitioning.model.FeedForwardSpec;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.RouterSpec;

/** {@code olmoe}: Muennighoff et al., OLMoE. */
final class Olmoe extends Family {
  Olmoe() {
    super(
        "olmoe",
        "OlmoeForCausalLM",
        HfNames.EXPERTS,
        "attention_bias",
        "use_qk_norm", // the class always norms them
        "clip_qkv",
        "num_experts",
        "num_local_experts",
        "num_experts_per_tok",
        "norm_topk_prob");
  }

  @Override
  int keyValueHeads(ConfigValues config, int heads) {
    return config.integer("num_key_value_heads", heads);
  }

  @Override
  double normEps() {
    return 1e-5;
  }

  /** All heads of a token's queries, and all of its keys, are normed together. */
  @Override
  AttentionFeatures features(ConfigValues config) {
    boolean bias = config.flag("attention_bias", false);
    if (config.has("clip_qkv") && config.real("clip_qkv", 0) <= 0) {
      throw HfConfig.invalid("clip_qkv", "0 leaves nothing; it must be positive, or null for none");
    }
    return AttentionFeatures.biased(bias, bias)
        .withNorm(QkNorm.TOKEN)
        .withClip(config.real("clip_qkv", 0));
  }

  @Override
  FeedForwardSpec feedForward(ConfigValues config, int layer, int depth) {
    return new MixtureOfExperts(
        experts(config),
        config.integer("intermediate_size"),
        new RouterSpec.TopK(
            config.integer("num_experts_per_tok"), config.flag("norm_topk_prob", false), false));
  }
}
