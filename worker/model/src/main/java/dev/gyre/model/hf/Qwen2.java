package dev.gyre.model.hf;

import dev.gyre.partitioning.model.AttentionFeatures;

/** {@code qwen2}: Yang et al., Qwen2; Qwen2.5. */
final class Qwen2 extends Family {
  Qwen2() {
    super(
        "qwen2",
        "Qwen2ForCausalLM",
        HfNames.DENSE,
        "use_sliding_window",
        "sliding_window",
        "max_window_layers",
        "layer_types");
  }

  @Override
  Window window(ConfigValues config, int depth) {
    return QwenWindow.byLayer(config, depth);
  }

  @Override
  AttentionFeatures features(ConfigValues config) {
    return AttentionFeatures.biased(true, false);
  }
}
