package dev.gyre.model.hf;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RopeSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes a {@code config.json} that Hugging Face can load, and {@link HfConfig} reads back as the
 * same model.
 */
public final class HfConfigWriter {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private HfConfigWriter() {}

  /**
   * Checks that a Hugging Face class has the model's tensors.
   *
   * @throws Invalid naming what it lacks
   */
  public static void requireWritable(ModelSpec model) {
    if (model.linearLayers() > 0) {
      throw HfConfig.invalid("layer_types", HfConfig.NOT_LINEAR);
    }
    int width = model.feedForward(0).width();
    if (model.layers().stream().anyMatch(layer -> layer.feedForward().width() != width)) {
      throw HfConfig.invalid(
          "intermediate_size", "differs between layers, which no mixtral or llama model can");
    }
  }

  /**
   * Differences between the model and what the Hugging Face class computes from its config, one
   * line each for the user; empty if there are none.
   */
  public static List<String> warnings(ModelSpec model) {
    List<String> lines = new ArrayList<>();
    Map<String, Object> own = ownKeys(model);
    if (!own.isEmpty()) {
      lines.add(
          ("config.json has %s, which %s ignores: in Hugging Face's library the model attends"
                  + " without, and computes other outputs")
              .formatted(String.join(", ", own.keySet()), architecture(model)));
    }
    List<Integer> dense = denseLayers(model);
    if (isMoe(model) && !dense.isEmpty()) {
      lines.add(
          ("config.json has mlp_only_layers %s, which %s ignores: Hugging Face's library would give"
                  + " these layers random experts; only Gyre can load this folder")
              .formatted(dense, architecture(model)));
    }
    return lines;
  }

  private static boolean isMoe(ModelSpec model) {
    return model.experts() > 0;
  }

  private static List<Integer> denseLayers(ModelSpec model) {
    return IntStream.range(0, model.depth()).filter(layer -> !model.isMoe(layer)).boxed().toList();
  }

  private static String architecture(ModelSpec model) {
    return isMoe(model) ? "MixtralForCausalLM" : "LlamaForCausalLM";
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
   * The text of a config.
   *
   * @param keep another config whose other keys are kept untouched, such as the one the model
   *     started from; null for none
   * @throws Invalid if Hugging Face has no class for the model
   */
  public static String write(ModelSpec model, @Nullable ObjectNode keep) {
    requireWritable(model);
    ObjectNode root = JSON.createObjectNode();
    boolean moe = isMoe(model);
    root.putArray("architectures").add(architecture(model));
    root.put("model_type", moe ? HfConfig.MIXTRAL : HfConfig.LLAMA);
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
    root.put("tie_word_embeddings", model.head().tied());
    AttentionMask sliding = model.maskOfKind().get(LayerKind.SLIDING);
    if (sliding != null && hasTheirWindow(model)) {
      root.put("sliding_window", sliding.window());
    } else if (moe) {
      root.putNull("sliding_window");
    }
    ownKeys(model).forEach((key, value) -> root.set(key, JSON.valueToTree(value)));
    List<Integer> dense = denseLayers(model);
    if (moe && !dense.isEmpty()) {
      ArrayNode layers = root.putArray("mlp_only_layers");
      dense.forEach(layers::add);
    }
    if (model.initializerRange() > 0) {
      root.put("initializer_range", model.initializerRange());
    }
    if (keep != null) {
      for (Map.Entry<String, JsonNode> entry : keep.properties()) {
        if (!HfKeys.isOfTheModel(entry.getKey()) && !root.has(entry.getKey())) {
          root.set(entry.getKey(), entry.getValue());
        }
      }
    }
    return JSON.writeValueAsString(root) + "\n";
  }

  /** The rotary embedding of all layers; {@link #requireWritable} has refused linear ones. */
  private static RopeSpec rope(ModelSpec model) {
    if (model.ropes().size() != 1) {
      throw HfConfig.invalid("rope_theta", "differs between layers: " + model.ropes());
    }
    return model.ropes().iterator().next();
  }
}
