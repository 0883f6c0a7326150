package dev.gyre.model.hf;

import dev.gyre.model.hf.TensorMap.FileTensor;
import dev.gyre.partitioning.model.Activation.ClampedSwiglu;
import dev.gyre.partitioning.model.AttentionFeatures;
import dev.gyre.partitioning.model.FeedForwardSpec;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RouterSpec;
import dev.gyre.partitioning.model.TensorSpec;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** {@code gpt_oss}: OpenAI, gpt-oss-120b and gpt-oss-20b model card. */
final class GptOss extends Family {
  private static final int USUAL_WINDOW = 128;
  private static final int USUAL_HEAD_SIZE = 64;

  /** The class has both as constants. */
  private static final ClampedSwiglu ACTIVATION = new ClampedSwiglu(1.702, 7);

  GptOss() {
    super(
        "gpt_oss",
        "GptOssForCausalLM",
        HfNames.GPT_OSS,
        "attention_bias",
        "sliding_window",
        "layer_types",
        "num_experts",
        "num_local_experts",
        "num_experts_per_tok");
  }

  @Override
  double theta() {
    return 1.5e5;
  }

  @Override
  ObjectNode usualRope() {
    return RopeKeys.noScaling()
        .put("rope_type", "yarn")
        .put("factor", 32.0)
        .put("truncate", false)
        .put("original_max_position_embeddings", 4096);
  }

  @Override
  double normEps() {
    return 1e-5;
  }

  @Override
  int headSize(ConfigValues config, int hidden, int heads) {
    return config.integer("head_dim", USUAL_HEAD_SIZE);
  }

  /** Every other layer, beginning with the first, if the file does not say. */
  @Override
  Window window(ConfigValues config, int depth) {
    List<LayerKind> kinds = config.kinds("layer_types");
    if (kinds.isEmpty()) {
      kinds = new ArrayList<>();
      for (int layer = 0; layer < depth; layer++) {
        kinds.add(layer % 2 == 0 ? LayerKind.SLIDING : LayerKind.FULL);
      }
    }
    boolean given = config.root().has("sliding_window");
    return kinds.contains(LayerKind.SLIDING)
        ? new Window(kinds, config.integer("sliding_window", given ? 0 : USUAL_WINDOW))
        : Window.NONE;
  }

  @Override
  AttentionFeatures features(ConfigValues config) {
    boolean bias = config.flag("attention_bias", true);
    return AttentionFeatures.biased(bias, bias).withSinkLogits();
  }

  @Override
  FeedForwardSpec feedForward(ConfigValues config, int layer, int depth) {
    return new MixtureOfExperts(
        experts(config),
        config.integer("intermediate_size"),
        ACTIVATION,
        true,
        new RouterSpec.TopK(config.integer("num_experts_per_tok"), true, true),
        0);
  }

  /** The class of transformers 5.18 rotates by the positions, but builds its masks without them. */
  @Override
  boolean separatesDocuments() {
    return false;
  }

  /**
   * The experts of a layer lie in one tensor, each transposed: gate and up [E,d,2F], element by
   * element in turn, and down [E,F,d].
   */
  @Override
  void place(TensorMap map, ConfigValues config, ModelSpec model, TensorSpec tensor) {
    if (!tensor.isExpert()) {
      super.place(map, config, model, tensor);
      return;
    }
    String name = name(tensor.name().replaceFirst("experts\\.\\d+", "experts"));
    String part = tensor.name().substring(tensor.name().lastIndexOf('.') + 1);
    long experts = model.experts();
    long d = model.width();
    long f = model.feedForward(tensor.layer()).width();
    long e = tensor.expert();
    long up = part.startsWith("up") ? 1 : 0;
    switch (part) {
      case "gate", "up" ->
          map.strided(
              tensor, new FileTensor(name, experts, d, 2 * f), e * d * 2 * f + up, 2, 2 * f);
      case "down" -> map.strided(tensor, new FileTensor(name, experts, f, d), e * f * d, 1, d);
      case "gate_bias", "up_bias" ->
          map.strided(tensor, new FileTensor(name, experts, 2 * f), e * 2 * f + up, 2);
      default -> map.strided(tensor, new FileTensor(name, experts, d), e * d, 1);
    }
  }
}
