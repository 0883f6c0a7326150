package dev.gyre.model.hf;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RopeScaling;
import dev.gyre.partitioning.model.RopeSpec;
import dev.gyre.partitioning.model.Rotation;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes a {@code config.json} that Hugging Face can load, and {@link HfConfig} reads back as the
 * same model.
 */
public final class HfConfigWriter {
  private static final String POSITIONS = "max_position_embeddings";

  private HfConfigWriter() {}

  /**
   * Differences between what Gyre and what the Hugging Face class compute from a written config,
   * one line each for the user; empty if there are none.
   */
  public static List<String> warnings(HfConfig written) {
    List<String> lines = new ArrayList<>();
    ObjectNode config = written.source();
    String architecture = written.architecture();
    List<String> own = HfKeys.OWN.stream().filter(config::has).toList();
    if (!own.isEmpty()) {
      lines.add(
          ("config.json has %s, which %s ignores: in Hugging Face's library the model attends"
                  + " without, and computes other outputs")
              .formatted(String.join(", ", own), architecture));
    }
    if (architecture.equals(Families.MIXTRAL.architecture()) && config.has("mlp_only_layers")) {
      lines.add(
          ("config.json has mlp_only_layers %s, which %s ignores: Hugging Face's library would give"
                  + " these layers random experts; only Gyre can load this folder")
              .formatted(denseLayers(written.model()), architecture));
    }
    return lines;
  }

  private static boolean isMoe(ModelSpec model) {
    return model.experts() > 0;
  }

  private static List<Integer> denseLayers(ModelSpec model) {
    return IntStream.range(0, model.depth()).filter(layer -> !model.isMoe(layer)).boxed().toList();
  }

  /** The family of a model that started from initial weights. */
  private static Family family(ModelSpec model) {
    return isMoe(model) ? Families.MIXTRAL : Families.LLAMA;
  }

  /** Features of the model that its Hugging Face class lacks, under Gyre's own keys. */
  private static Map<String, Object> ownKeys(ModelSpec model) {
    Map<String, Object> own = new LinkedHashMap<>();
    AttentionMask sliding = model.maskOfKind().get(LayerKind.SLIDING);
    if (sliding != null) {
      if (!hasTheirWindow(model)) {
        own.put(HfKeys.WINDOW, sliding.window());
      }
      if (model.layers(LayerKind.SLIDING) < model.depth()) {
        own.put(
            HfKeys.LAYERS,
            model.layers().stream().map(layer -> layer.mixer().kind().key()).toList());
      }
      if (sliding.sinks() > 0) {
        own.put(HfKeys.SINKS, sliding.sinks());
      }
    }
    if (model.anchor()) {
      own.put(HfKeys.ANCHOR, true);
    }
    if (model.prefix() > 0) {
      own.put(HfKeys.PREFIX, model.prefix());
    }
    return own;
  }

  /** Mixtral's class has one window, for all layers; Llama's has none. */
  private static boolean hasTheirWindow(ModelSpec model) {
    return isMoe(model) && model.layers(LayerKind.SLIDING) == model.depth();
  }

  /**
   * The config of an exported model.
   *
   * @param source the config that the model started from, whose keys are kept unless the model
   *     differs; without {@code model_type}, keys to add; null for none
   * @param longestRow tokens of the longest row that it was trained on; 0 if unknown
   * @throws Invalid if Hugging Face has no class for the model
   */
  public static HfConfig config(ModelSpec model, @Nullable ObjectNode source, int longestRow) {
    ObjectNode root;
    if (source != null && source.has("model_type")) {
      root = changed(model, source.deepCopy());
    } else {
      root = ofInitialWeights(model);
      if (source != null) {
        source.properties().forEach(entry -> root.putIfAbsent(entry.getKey(), entry.getValue()));
      }
    }
    if (longestRow > root.path(POSITIONS).asInt(0)) {
      root.put(POSITIONS, longestRow);
    }
    HfConfig written = HfConfig.parse(root);
    if (!written.model().equals(model)) {
      throw new Invalid(
          "config.json",
          "the model differs from the config it started from in more than head and rope");
    }
    return written;
  }

  /** A job changes nothing of the model it starts from but head and rope. */
  private static ObjectNode changed(ModelSpec model, ObjectNode root) {
    ModelSpec before = HfConfig.parse(root).model();
    if (before.head().tied() != model.head().tied()) {
      root.put("tie_word_embeddings", model.head().tied());
    }
    if (!before.rotations().equals(model.rotations())) {
      RopeKeys.write(root, rope(model));
      if (rope(model).scaling() instanceof RopeScaling.Yarn yarn) {
        root.put(POSITIONS, Math.round(yarn.factor() * yarn.original())); // its reach
      }
    }
    return root;
  }

  private static ObjectNode ofInitialWeights(ModelSpec model) {
    requireWritable(model);
    ObjectNode root = JsonMapper.shared().createObjectNode();
    boolean moe = isMoe(model);
    root.putArray("architectures").add(family(model).architecture());
    root.put("model_type", family(model).type());
    root.put("vocab_size", model.vocabulary());
    root.put("hidden_size", model.width());
    root.put("num_hidden_layers", model.depth());
    root.put("num_attention_heads", model.heads().queries());
    root.put("num_key_value_heads", model.heads().keyValues());
    root.put("head_dim", model.heads().size());
    root.put("intermediate_size", model.feedForward(0).width());
    if (moe) {
      root.put("num_local_experts", model.experts());
      root.put("num_experts_per_tok", model.expertsPerToken());
    }
    root.put("hidden_act", "silu");
    root.put("rms_norm_eps", model.normEps());
    root.put("rope_theta", rope(model).theta());
    if (!(rope(model).scaling() instanceof RopeScaling.None)) {
      RopeKeys.write(root, rope(model));
    }
    root.put("tie_word_embeddings", model.head().tied());
    AttentionMask sliding = model.maskOfKind().get(LayerKind.SLIDING);
    if (sliding != null && hasTheirWindow(model)) {
      root.put("sliding_window", sliding.window());
    } else if (moe) {
      root.putNull("sliding_window");
    }
    ownKeys(model).forEach((key, value) -> root.set(key, JsonMapper.shared().valueToTree(value)));
    List<Integer> dense = denseLayers(model);
    if (moe && !dense.isEmpty()) {
      ArrayNode layers = root.putArray("mlp_only_layers");
      dense.forEach(layers::add);
    }
    if (model.initializerRange() > 0) {
      root.put("initializer_range", model.initializerRange());
    }
    return root;
  }

  /** A Hugging Face class must have the model's tensors. */
  private static void requireWritable(ModelSpec model) {
    if (model.linearLayers() > 0) {
      throw HfConfig.invalid("layer_types", HfConfig.NOT_LINEAR);
    }
    int width = model.feedForward(0).width();
    if (model.layers().stream().anyMatch(layer -> layer.feedForward().width() != width)) {
      throw HfConfig.invalid(
          "intermediate_size", "differs between layers, which no mixtral or llama model can");
    }
  }

  /** The rotary embedding of all layers. */
  private static RopeSpec rope(ModelSpec model) {
    List<RopeSpec> ropes = model.rotations().stream().map(Rotation::rope).distinct().toList();
    if (ropes.size() != 1) {
      throw HfConfig.invalid("rope_theta", "differs between layers: " + ropes);
    }
    return ropes.getFirst();
  }
}
