package dev.gyre.model.hf;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.AttentionFeatures;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.FeedForwardSpec;
import dev.gyre.partitioning.model.FeedForwardSpec.DenseMlp;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.HeadSpec;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.LayerSpec;
import dev.gyre.partitioning.model.MixerSpec;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RopeSpec;
import dev.gyre.partitioning.model.TensorSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.node.ObjectNode;

/**
 * The models of one {@code model_type}: how a {@code config.json} describes them, and where their
 * tensors lie in a folder. A family is a class of its own that overrides what differs from Llama,
 * and a line in {@link Families}.
 *
 * <p>A key has the meaning that the Hugging Face class of the family gives it. Masks that those
 * classes lack have keys of Gyre's own, {@code gyre_…}.
 */
abstract class Family {
  private final String type;
  private final String architecture;
  private final Set<String> keys;
  private final HfNames names;

  /**
   * @param type the value of {@code model_type}
   * @param architecture the class that computes it
   * @param names of its tensors
   * @param keys that it reads, besides those of every family
   */
  Family(String type, String architecture, HfNames names, String... keys) {
    this.type = type;
    this.architecture = architecture;
    this.names = names;
    this.keys = Set.of(keys);
  }

  final String type() {
    return type;
  }

  final String architecture() {
    return architecture;
  }

  /** Keys that it reads, besides those of every family. */
  final Set<String> keys() {
    return keys;
  }

  /**
   * The model of a config.
   *
   * @throws Invalid naming the key that cannot be
   */
  final ModelSpec model(ConfigValues config) {
    int hidden = config.integer("hidden_size");
    EmbeddingSpec.WIDTH.require("model.hidden_size", hidden);
    int depth = config.integer("num_hidden_layers");
    ModelSpec.LAYERS.require("model.num_hidden_layers", depth);
    HeadShape heads = heads(config, hidden);
    AttentionPattern pattern = pattern(config, depth);
    Invalid.require(
        pattern.layers().isEmpty() || pattern.layers().size() == depth,
        "config.json: layer_types",
        pattern.layers().size() + " kinds for num_hidden_layers " + depth);
    RopeSpec rope = rope(config);
    List<LayerSpec> layers = new ArrayList<>();
    for (int layer = 0; layer < depth; layer++) {
      layers.add(
          new LayerSpec(
              mixer(config, heads, pattern, layer, rope), feedForward(config, layer, depth)));
    }
    return new ModelSpec(
        new EmbeddingSpec(config.integer("vocab_size"), hidden),
        layers,
        new HeadSpec(config.flag("tie_word_embeddings", false)),
        config.real("rms_norm_eps", normEps()),
        config.real("initializer_range", 0));
  }

  final RopeSpec rope(ConfigValues config) {
    return RopeKeys.read(config, theta(), usualRope());
  }

  /** The class's own default of {@code rope_theta}. */
  double theta() {
    return 1e4;
  }

  /** The class's own default of {@code rope_parameters}, without theta: no scaling. */
  ObjectNode usualRope() {
    return RopeKeys.noScaling();
  }

  /** The class's own default of {@code rms_norm_eps}. */
  double normEps() {
    return 1e-6;
  }

  /** The number of experts, which has two names: transformers 5 writes the one or the other. */
  static int experts(ConfigValues config) {
    int experts = config.integer(config.has("num_experts") ? "num_experts" : "num_local_experts");
    if (config.integer("num_local_experts", experts) != experts) {
      throw HfConfig.invalid(
          "num_experts",
          experts + " contradicts num_local_experts; they are one key, so remove one of them");
    }
    return experts;
  }

  HeadShape heads(ConfigValues config, int hidden) {
    int heads = config.integer("num_attention_heads");
    if (heads < 1) {
      throw HfConfig.invalid("num_attention_heads", heads + " must be positive");
    }
    return new HeadShape(heads, keyValueHeads(config, heads), headSize(config, hidden, heads));
  }

  /**
   * Required, if not overridden: the default of most classes is a constant, whatever the heads.
   *
   * @param heads of the queries
   */
  int keyValueHeads(ConfigValues config, int heads) {
    return config.integer("num_key_value_heads");
  }

  int headSize(ConfigValues config, int hidden, int heads) {
    if (!config.has("head_dim") && hidden % heads != 0) {
      throw HfConfig.invalid(
          "head_dim", "hidden_size " + hidden + " / heads " + heads + " is not whole");
    }
    return config.integer("head_dim", hidden / heads);
  }

  final AttentionPattern pattern(ConfigValues config, int depth) {
    Window window = window(config, depth);
    return new AttentionPattern(
        window.kinds,
        window.tokens,
        config.integer(HfKeys.SINKS, 0),
        config.flag(HfKeys.ANCHOR, false),
        config.integer(HfKeys.PREFIX, 0));
  }

  /**
   * The window of a model's attention.
   *
   * @param kinds of each layer; empty for one kind everywhere
   * @param tokens 0 for none
   */
  record Window(List<LayerKind> kinds, int tokens) {
    static final Window NONE = new Window(List.of(), 0);
  }

  /** None, if not overridden. */
  Window window(ConfigValues config, int depth) {
    return Window.NONE;
  }

  AttentionFeatures features(ConfigValues config) {
    return AttentionFeatures.PLAIN;
  }

  MixerSpec mixer(
      ConfigValues config, HeadShape heads, AttentionPattern pattern, int layer, RopeSpec rope) {
    return new MixerSpec.SoftmaxAttention(
        heads, pattern.kind(layer), pattern.mask(layer), rope, features(config));
  }

  FeedForwardSpec feedForward(ConfigValues config, int layer, int depth) {
    return new DenseMlp(config.integer("intermediate_size"));
  }

  /** Where the tensors of a model of a config lie. */
  final TensorMap tensors(ConfigValues config, ModelSpec model) {
    TensorMap map = new TensorMap();
    for (TensorSpec tensor : model.tensors()) {
      place(map, config, model, tensor);
    }
    return map;
  }

  /** Adds one tensor's place: the file's tensor of its name, as it is. */
  void place(TensorMap map, ConfigValues config, ModelSpec model, TensorSpec tensor) {
    map.whole(tensor, name(tensor.name()));
  }

  /** The name in a folder of one of our tensors. */
  final String name(String ours) {
    return names.of(ours);
  }

  /**
   * Whether its class separates the documents of a packed row, which it gets as positions that
   * restart. Gyre always does.
   */
  boolean separatesDocuments() {
    return true;
  }

  /** Whether its class holds a tensor in F32 whatever the model's dtype. */
  boolean keepsF32(String name) {
    return false;
  }

  /** Whether a tensor that the model does not need may be in a folder. */
  boolean ignores(ModelSpec model, String name) {
    return name.endsWith(".rotary_emb.inv_freq"); // follows from the config
  }
}
