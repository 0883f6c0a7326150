package dev.gyre.model.hf;

import dev.gyre.partitioning.job.AttentionPattern;
import dev.gyre.partitioning.job.Invalid;
import dev.gyre.partitioning.job.LayerKind;
import dev.gyre.partitioning.job.ModelSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A Hugging Face {@code config.json} of a Mixtral or Llama model.
 *
 * <p>Keys that change the computation and are not implemented are errors; keys known not to change
 * it are ignored; unknown keys are errors, since nobody knows what they change.
 *
 * @param model the model it describes
 * @param balanceLoss {@code gyre_balance_loss_coef}, 0 without it
 * @param zLoss {@code gyre_z_loss_coef}, 0 without it
 * @param warnings one line each, for a person
 * @param source the whole object as read, kept for export
 */
public record HfConfig(
    ModelSpec model, double balanceLoss, double zLoss, List<String> warnings, ObjectNode source) {
  private static final String MIXTRAL = "mixtral";
  private static final String LLAMA = "llama";
  private static final String NOT_LINEAR =
      "linear_attention is a layer of Gyre's own: no Hugging Face class of mixtral or llama has it, so"
          + " such a model goes neither into nor comes out of a Hugging Face folder. Start it from"
          + " initial weights, and go on or generate from its checkpoints";

  private static final String SINKS = "gyre_attention_sinks";
  private static final String ANCHOR = "gyre_anchor_token";
  private static final String PREFIX = "gyre_prefix_length";

  /** Masks that Hugging Face's classes do not compute; they would ignore these keys. */
  private static final Set<String> MASKS = Set.of(SINKS, ANCHOR, PREFIX);

  /** Keys that are read below. */
  private static final Set<String> READ =
      Set.of(
          "model_type",
          "vocab_size",
          "hidden_size",
          "num_hidden_layers",
          "num_attention_heads",
          "num_key_value_heads",
          "head_dim",
          "intermediate_size",
          "num_local_experts",
          "num_experts_per_tok",
          "rms_norm_eps",
          "rope_parameters",
          "rope_theta",
          "tie_word_embeddings",
          "sliding_window",
          "layer_types",
          "mlp_only_layers",
          "initializer_range",
          SINKS,
          ANCHOR,
          PREFIX,
          "gyre_balance_loss_coef",
          "gyre_z_loss_coef");

  /** Keys that say nothing about the computation; "case" describes a golden folder. */
  private static final Set<String> HARMLESS =
      Set.of(
          "_name_or_path",
          "architectures",
          "bos_token_id",
          "case",
          "dtype",
          "eos_token_id",
          "max_position_embeddings",
          "output_router_logits",
          "pad_token_id",
          "pretraining_tp",
          "torch_dtype",
          "transformers_version",
          "use_cache");

  public HfConfig {
    warnings = List.copyOf(warnings);
  }

  /**
   * @param file {@code config.json}
   * @throws Invalid naming the key and the way out
   */
  public static HfConfig read(Path file) throws IOException {
    try {
      JsonNode root =
          JsonMapper.builder()
              .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
              .build()
              .readTree(Files.readString(file));
      if (root instanceof ObjectNode object) {
        return parse(object);
      }
    } catch (JacksonException e) {
      throw new Invalid(file.toString(), "is not JSON: " + e.getOriginalMessage());
    }
    throw new Invalid(file.toString(), "is not a JSON object");
  }

  /** As {@link #read}, from the object itself. */
  public static HfConfig parse(ObjectNode root) {
    List<String> warnings = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : root.properties()) {
      check(entry.getKey(), entry.getValue(), warnings);
    }
    return new HfConfig(
        model(root),
        real(root, "gyre_balance_loss_coef", 0.0),
        real(root, "gyre_z_loss_coef", 0.0),
        warnings,
        root);
  }

  private static void check(String key, JsonNode value, List<String> warnings) {
    if (value.isNull()) {
      return;
    }
    switch (key) {
      case "attention_bias", "mlp_bias" ->
          only(key, value, "false", value.isBoolean() && !value.asBoolean());
      case "attention_dropout", "router_jitter_noise" ->
          only(key, value, "0", value.isNumber() && value.asDouble() == 0);
      case "hidden_act" -> only(key, value, "silu", value.asString("").equals("silu"));
      case "rope_scaling" -> only(key, value, "null", false);
      case "router_aux_loss_coef" -> {
        if (value.asDouble(0) != 0) {
          warnings.add(
              "router_aux_loss_coef "
                  + value
                  + " is not used: its balance loss pools layers and is not divided by the experts"
                  + " per token; set train.balance-loss instead");
        }
      }
      default -> {
        if (!READ.contains(key) && !HARMLESS.contains(key)) {
          throw invalid(
              key,
              "is not a known key, so it may change the computation; remove it if it does not"
                  + " (known: "
                  + String.join(", ", READ.stream().sorted().toList())
                  + ")");
        }
      }
    }
  }

  private static void only(String key, JsonNode value, String implemented, boolean holds) {
    if (!holds) {
      throw invalid(key, value + " is not implemented; only " + implemented + " is");
    }
  }

  private static ModelSpec model(ObjectNode root) {
    String type = root.path("model_type").asString("");
    if (!type.equals(MIXTRAL) && !type.equals(LLAMA)) {
      throw invalid("model_type", "'" + type + "' must be mixtral or llama");
    }
    boolean moe = type.equals(MIXTRAL);
    if (!moe && (root.has("num_local_experts") || root.has("num_experts_per_tok"))) {
      throw invalid("num_local_experts", "a llama model has no experts; use model_type mixtral");
    }
    int hidden = integer(root, "hidden_size", null);
    int heads = integer(root, "num_attention_heads", null);
    if (heads < 1) {
      throw invalid("num_attention_heads", heads + " must be positive");
    }
    if (!root.hasNonNull("head_dim") && hidden % heads != 0) {
      throw invalid("head_dim", "hidden_size " + hidden + " / heads " + heads + " is not whole");
    }
    return new ModelSpec(
        type,
        integer(root, "vocab_size", null),
        hidden,
        integer(root, "num_hidden_layers", null),
        heads,
        // Mixtral's own default is 8, Llama's the number of heads: only the latter is safe to
        // guess.
        integer(root, "num_key_value_heads", moe ? null : heads),
        integer(root, "head_dim", hidden / heads),
        integer(root, "intermediate_size", null),
        moe ? integer(root, "num_local_experts", null) : 0,
        moe ? integer(root, "num_experts_per_tok", null) : 0,
        real(root, "rms_norm_eps", moe ? 1e-5 : 1e-6),
        ropeTheta(root, moe),
        bool(root, "tie_word_embeddings", false),
        attention(root),
        layers(root),
        real(root, "initializer_range", 0.0));
  }

  /** Hugging Face's defaults differ: Mixtral 1e6, Llama 1e4. Newer files keep it in an object. */
  private static double ropeTheta(ObjectNode root, boolean moe) {
    double fallback = moe ? 1e6 : 1e4;
    if (!(root.path("rope_parameters") instanceof ObjectNode rope)) {
      return real(root, "rope_theta", fallback);
    }
    for (Map.Entry<String, JsonNode> entry : rope.properties()) {
      String key = entry.getKey();
      boolean plain = key.equals("rope_type") && entry.getValue().asString("").equals("default");
      if (!plain && !key.equals("rope_theta")) {
        throw invalid(
            "rope_parameters." + key, entry.getValue() + " is not implemented; only default is");
      }
    }
    return real(rope, "rope_theta", fallback);
  }

  private static AttentionPattern attention(ObjectNode root) {
    JsonNode node = root.path("layer_types");
    List<LayerKind> layers = new ArrayList<>();
    if (node instanceof ArrayNode array) {
      for (JsonNode item : array) {
        LayerKind kind = LayerKind.of(item.asString(""), "config.json: layer_types");
        if (kind == LayerKind.LINEAR) {
          throw invalid("layer_types", NOT_LINEAR);
        }
        layers.add(kind);
      }
    } else if (!node.isMissingNode() && !node.isNull()) {
      throw invalid("layer_types", node + " must be a list of kinds");
    }
    return new AttentionPattern(
        layers,
        integer(root, "sliding_window", 0),
        integer(root, SINKS, 0),
        bool(root, ANCHOR, false),
        integer(root, PREFIX, 0));
  }

  private static List<Integer> layers(ObjectNode root) {
    JsonNode node = root.path("mlp_only_layers");
    List<Integer> layers = new ArrayList<>();
    if (node.isMissingNode() || node.isNull()) {
      return layers;
    }
    if (!(node instanceof ArrayNode array)) {
      throw invalid("mlp_only_layers", node + " must be a list of layer numbers");
    }
    for (JsonNode item : array) {
      if (!item.isInt()) {
        throw invalid("mlp_only_layers", item + " must be a layer number");
      }
      layers.add(item.asInt());
    }
    return layers;
  }

  private static int integer(ObjectNode root, String key, @Nullable Integer fallback) {
    JsonNode node = root.path(key);
    if (node.isMissingNode() || node.isNull()) {
      if (fallback == null) {
        throw invalid(key, "is missing");
      }
      return fallback;
    }
    if (!node.isInt()) {
      throw invalid(key, node + " must be a whole number");
    }
    return node.asInt();
  }

  private static double real(ObjectNode root, String key, double fallback) {
    JsonNode node = root.path(key);
    if (node.isMissingNode() || node.isNull()) {
      return fallback;
    }
    if (!node.isNumber()) {
      throw invalid(key, node + " must be a number");
    }
    return node.asDouble();
  }

  private static boolean bool(ObjectNode root, String key, boolean fallback) {
    JsonNode node = root.path(key);
    if (node.isMissingNode() || node.isNull()) {
      return fallback;
    }
    if (!node.isBoolean()) {
      throw invalid(key, node + " must be true or false");
    }
    return node.asBoolean();
  }

  private static Invalid invalid(String key, String problem) {
    return new Invalid("config.json: " + key, problem);
  }

  /**
   * What Hugging Face computes otherwise with a config of this model: one line for a person; empty
   * if nothing.
   */
  public static String unknownToHuggingFace(ModelSpec model) {
    Map<String, Object> masks = masks(model.attention());
    return masks.isEmpty()
        ? ""
        : "config.json has "
            + String.join(", ", masks.keySet())
            + ", which Hugging Face ignores: there the model attends without, and computes other"
            + " outputs";
  }

  private static Map<String, Object> masks(AttentionPattern attention) {
    Map<String, Object> masks = new LinkedHashMap<>();
    if (attention.sinks() > 0) {
      masks.put(SINKS, attention.sinks());
    }
    if (attention.anchor()) {
      masks.put(ANCHOR, true);
    }
    if (attention.prefix() > 0) {
      masks.put(PREFIX, attention.prefix());
    }
    return masks;
  }

  /**
   * Whether Hugging Face has a class that computes the model.
   *
   * @throws Invalid naming what it lacks
   */
  public static void requireWritable(ModelSpec model) {
    if (model.linearLayers() > 0) {
      throw invalid("layer_types", NOT_LINEAR);
    }
  }

  /**
   * Writes a config that Hugging Face can load, and {@link #read} reads back as the same model.
   *
   * @param keep another config whose harmless keys and loss coefficients are kept untouched, such
   *     as the one the model started from; null for none
   */
  public static void write(ModelSpec model, @Nullable ObjectNode keep, Path file)
      throws IOException {
    requireWritable(model);
    JsonMapper mapper = JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
    ObjectNode root = mapper.createObjectNode();
    boolean moe = model.modelType().equals(MIXTRAL);
    root.putArray("architectures").add(moe ? "MixtralForCausalLM" : "LlamaForCausalLM");
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
    if (model.attention().window() > 0) {
      root.put("sliding_window", model.attention().window());
    } else {
      root.putNull("sliding_window");
    }
    if (!model.attention().layers().isEmpty()) {
      ArrayNode kinds = root.putArray("layer_types");
      model.attention().layers().forEach(kind -> kinds.add(kind.key()));
    }
    masks(model.attention()).forEach(root::putPOJO);
    if (!model.mlpOnlyLayers().isEmpty()) {
      ArrayNode layers = root.putArray("mlp_only_layers");
      model.mlpOnlyLayers().forEach(layers::add);
    }
    if (model.initializerRange() > 0) {
      root.put("initializer_range", model.initializerRange());
    }
    if (keep != null) {
      for (Map.Entry<String, JsonNode> entry : keep.properties()) {
        boolean loss = entry.getKey().startsWith("gyre_") && !MASKS.contains(entry.getKey());
        boolean ours = READ.contains(entry.getKey()) && !loss;
        if (!ours && !root.has(entry.getKey())) {
          root.set(entry.getKey(), entry.getValue());
        }
      }
    }
    Files.writeString(file, mapper.writeValueAsString(root) + "\n");
  }
}
