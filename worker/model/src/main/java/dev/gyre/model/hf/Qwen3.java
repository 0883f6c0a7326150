package dev.gyre.model.hf;

import dev.gyre.partitioning.model.AttentionFeatures;
import dev.gyre.partitioning.model.AttentionFeatures.QkNorm;

/** {@code qwen3}: Yang et al., Qwen3 Technical Report. */
final class Qwen3 extends Family {
  private static final int USUAL_HEAD_SIZE = 128;

  Qwen3() {
    super(
        "qwen3",
        "Qwen3ForCausalLM",
        HfNames.DENSE,
        "attention_bias",
        "use_qk_norm", // the class always norms them
        "use_sliding_window",
        "sliding_window",
        "max_window_layers",
        "layer_types");
  }

  @Override
  int headSize(ConfigValues config, int hidden, int heads) {
    return config.integer("head_dim", USUAL_HEAD_SIZE);
  }

  @Override
  Window window(ConfigValues config, int depth) {
    return QwenWindow.byLayer(config, depth);
  }

  @Override
  AttentionFeatures features(ConfigValues config) {
    return features(config.flag("attention_bias", false));
  }

  /** Each head of queries and keys is normed. */
  static AttentionFeatures features(boolean bias) {
    return AttentionFeatures.biased(bias, bias).withNorm(QkNorm.HEAD);
  }
}
