package dev.gyre.model.hf;

import dev.gyre.partitioning.job.AttentionPattern;
import dev.gyre.partitioning.job.Invalid;
import dev.gyre.partitioning.job.LayerKind;
import dev.gyre.partitioning.job.ModelSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
    if (isMoe(model) && !model.mlpOnlyLayers().isEmpty()) {
      lines.add(
          ("config.json has mlp_only_layers %s, which %s ignores: Hugging Face's library would give"
                  + " these layers random experts; only Gyre can load this folder")
              .formatted(model.mlpOnlyLayers(), architecture(model)));
    }
    return lines;
  }

  private static boolean isMoe(ModelSpec model) {
    return model.modelType().equals(HfConfig.MIXTRAL);
  }

  private static String architecture(ModelSpec model) {
    return isMoe(model) ? "MixtralForCausalLM" : "LlamaForCausalLM";
  }

  /** Features of the model that its Hugging Face class lacks, under Gyre's own keys. */
  private static Map<String, Object> ownKeys(ModelSpec model) {
    AttentionPattern attention = model.attention();
    Map<String, Object> own = new LinkedHashMap<>();
    int sliding = model.layers(LayerKind.SLIDING);
    if (sliding > 0 && !hasTheirWindow(model)) {
      own.put(HfKeys.WINDOW, attention.window());
    }
    if (sliding > 0 && sliding < model.numHiddenLayers()) {
      own.put(HfKeys.LAYERS, attention.layers().stream().map(LayerKind::key).toList());
    }
    if (attention.sinks() > 0) {
      own.put(HfKeys.SINKS, attention.sinks());
    }
    if (attention.anchor()) {
      own.put(HfKeys.ANCHOR, true);
    }
    if (attention.prefix() > 0) {
      own.put(HfKeys.PREFIX, attention.prefix());
    }
    return own;
  }

  /** Mixtral's class has one window, for all layers; Llama's has none. */
  private static boolean hasTheirWindow(ModelSpec model) {
    return isMoe(model) && model.layers(LayerKind.SLIDING) == model.numHiddenLayers();
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
    root.put("model_type", model.modelType());
    root.put("vocab_size", model.vocabSize());
    root.put("hidden_size", model.hiddenSize());
    root.put("num_hidden_layers", model.numHiddenLayers());
    root.put("num_attention_heads", model.numAttentionHeads());
    root.put("num_key_value_heads", model.numKeyValueHeads());
    root.put("head_dim", model.headDim());
    root.put("intermediate_size", model.intermediateSize());
    if (moe) {
      root.put("num_local_experts", model.numLocalExperts());
      root.put("num_experts_per_tok", model.numExpertsPerTok());
    }
    root.put("hidden_act", "silu");
    root.put("rms_norm_eps", model.rmsNormEps());
    root.put("rope_theta", model.ropeTheta());
    root.put("tie_word_embeddings", model.tieWordEmbeddings());
    if (hasTheirWindow(model)) {
      root.put("sliding_window", model.attention().window());
    } else if (moe) {
      root.putNull("sliding_window");
    }
    ownKeys(model).forEach((key, value) -> root.set(key, JSON.valueToTree(value)));
    if (!model.mlpOnlyLayers().isEmpty()) {
      ArrayNode layers = root.putArray("mlp_only_layers");
      model.mlpOnlyLayers().forEach(layers::add);
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
}
