package dev.gyre.model.hf;

import dev.gyre.model.hf.Family.Window;
import dev.gyre.partitioning.model.LayerKind;
import java.util.ArrayList;
import java.util.List;

/** The window of Qwen's families, which counts only if {@code use_sliding_window} says so. */
final class QwenWindow {
  private static final int USUAL_WINDOW = 4096;
  private static final int USUAL_FULL_LAYERS = 28;

  private QwenWindow() {}

  /** Tokens; 0 for none. */
  static int tokens(ConfigValues config) {
    boolean used = config.flag("use_sliding_window", false);
    boolean given = config.root().has("sliding_window");
    return used ? config.integer("sliding_window", given ? 0 : USUAL_WINDOW) : 0;
  }

  /** {@code layer_types}, or else the layers from {@code max_window_layers} on. */
  static Window byLayer(ConfigValues config, int depth) {
    int window = tokens(config);
    List<LayerKind> kinds = config.kinds("layer_types");
    if (kinds.isEmpty()) {
      kinds = new ArrayList<>();
      int full = config.integer("max_window_layers", USUAL_FULL_LAYERS);
      for (int layer = 0; layer < depth; layer++) {
        kinds.add(window > 0 && layer >= full ? LayerKind.SLIDING : LayerKind.FULL);
      }
    }
    if (kinds.contains(LayerKind.SLIDING) && window == 0) {
      throw HfConfig.invalid(
          "layer_types",
          "has sliding_attention, but use_sliding_window and sliding_window give no window");
    }
    return kinds.contains(LayerKind.SLIDING) ? new Window(kinds, window) : Window.NONE;
  }
}
