package dev.gyre.model.hf;

import java.util.List;

/** {@code mistral}: Jiang et al., Mistral 7B. */
final class Mistral extends Family {
  private static final int USUAL_WINDOW = 4096;

  Mistral() {
    super("mistral", "MistralForCausalLM", HfNames.DENSE, "sliding_window", "layer_types");
  }

  /** Every layer has it; null is none, and a file without the key has the class's own. */
  @Override
  Window window(ConfigValues config, int depth) {
    if (config.has("layer_types")) {
      config.warn("layer_types is ignored, as MistralForCausalLM ignores it");
    }
    boolean given = config.root().has("sliding_window");
    return new Window(List.of(), config.integer("sliding_window", given ? 0 : USUAL_WINDOW));
  }
}
