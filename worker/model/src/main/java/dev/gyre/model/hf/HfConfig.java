package dev.gyre.model.hf;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.GitLfsPointer;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A Hugging Face {@code config.json} of a Mixtral or Llama model.
 *
 * <p>A key has the meaning that the Hugging Face class gives it. Features that those classes lack
 * have keys of Gyre's own, {@code gyre_…}: a window for Llama, kinds of layers, sinks, an anchor, a
 * prefix. Keys that change the computation and are not implemented are errors; see {@link HfKeys}.
 *
 * @param model the model it describes
 * @param balanceLoss {@code gyre_balance_loss_coef}, 0 without it
 * @param zLoss {@code gyre_z_loss_coef}, 0 without it
 * @param warnings one line each, for the user
 * @param source the whole object as read, kept for export
 */
public record HfConfig(
    ModelSpec model, double balanceLoss, double zLoss, List<String> warnings, ObjectNode source) {
  static final String MIXTRAL = "mixtral";
  static final String LLAMA = "llama";
  static final String NOT_LINEAR =
      "linear_attention is a layer of Gyre's own: no Hugging Face class of mixtral or llama has it, so"
          + " such a model cannot be read from or exported to a Hugging Face folder. Start it from"
          + " initial weights, and resume or generate from its checkpoints";

  private static final String BYTE_ORDER_MARK = "\ufeff";

  public HfConfig {
    warnings = List.copyOf(warnings);
  }

  /**
   * @param file {@code config.json}; a byte order mark before the JSON is skipped
   * @throws Invalid naming the key and what to do
   */
  public static HfConfig read(Path file) throws IOException {
    String text;
    try {
      text = Files.readString(file);
    } catch (MalformedInputException e) {
      throw new Invalid(file.toString(), "is not UTF-8; download it again");
    }
    if (GitLfsPointer.matches(text.getBytes(StandardCharsets.UTF_8))) {
      throw new Invalid(file.toString(), GitLfsPointer.PROBLEM);
    }
    try {
      JsonNode root =
          JsonMapper.builder()
              .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
              .build()
              .readTree(text.startsWith(BYTE_ORDER_MARK) ? text.substring(1) : text);
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
    for (Map.Entry<String, JsonNode> entry : root.properties()) {
      HfKeys.check(entry.getKey(), entry.getValue());
    }
    List<String> warnings = new ArrayList<>();
    ModelSpec model = model(root, warnings);
    JsonNode auxiliary = root.path("router_aux_loss_coef");
    if (model.experts() > 0 && auxiliary.asDouble(0) != 0) {
      warnings.add(
          "router_aux_loss_coef "
              + auxiliary
              + " is not used: its balance loss pools layers and is not divided by the experts"
              + " per token; set train.balance-loss instead");
    }
    return new HfConfig(
        model,
        real(root, HfKeys.BALANCE_LOSS, 0.0),
        real(root, HfKeys.Z_LOSS, 0.0),
        warnings,
        root);
  }

  private static ModelSpec model(ObjectNode root, List<String> warnings) {
    String type = root.path("model_type").asString("");
    if (!type.equals(MIXTRAL) && !type.equals(LLAMA)) {
      throw invalid("model_type", "'" + type + "' must be mixtral or llama");
    }
    boolean moe = type.equals(MIXTRAL);
    int experts = integer(root, "num_local_experts", moe ? null : 0);
    int perToken = integer(root, "num_experts_per_tok", moe ? null : 0);
    if (!moe && experts + perToken > 0) {
      throw invalid("num_local_experts", "a llama model has no experts; use model_type mixtral");
    }
    if (moe && experts < 1) {
      throw invalid("num_local_experts", experts + " must be positive; without experts: llama");
    }
    int hidden = integer(root, "hidden_size", null);
    EmbeddingSpec.WIDTH.require("model.hidden_size", hidden);
    int heads = integer(root, "num_attention_heads", null);
    if (heads < 1) {
      throw invalid("num_attention_heads", heads + " must be positive");
    }
    if (!root.hasNonNull("head_dim") && hidden % heads != 0) {
      throw invalid("head_dim", "hidden_size " + hidden + " / heads " + heads + " is not whole");
    }
    return new Decoder(
            new EmbeddingSpec(integer(root, "vocab_size", null), hidden),
            integer(root, "num_hidden_layers", null),
            new HeadShape(
                heads,
                // Mixtral's own default is 8, Llama's the number of heads: only the latter is a
                // safe default.
                integer(root, "num_key_value_heads", moe ? null : heads),
                integer(root, "head_dim", hidden / heads)))
        .mlp(integer(root, "intermediate_size", null))
        .experts(experts, perToken)
        .normEps(real(root, "rms_norm_eps", moe ? 1e-5 : 1e-6))
        // Hugging Face's defaults differ.
        .ropeTheta(RopeKeys.theta(root, moe ? 1e6 : 1e4))
        .tied(bool(root, "tie_word_embeddings", false))
        .attention(attention(root, moe, warnings))
        .mlpOnly(layers(root))
        .initializerRange(real(root, "initializer_range", 0.0))
        .spec();
  }

  private static AttentionPattern attention(ObjectNode root, boolean moe, List<String> warnings) {
    int window = integer(root, HfKeys.WINDOW, 0);
    List<LayerKind> layers = kinds(root, HfKeys.LAYERS);
    int theirWindow = integer(root, "sliding_window", 0);
    List<LayerKind> theirLayers = kinds(root, "layer_types");
    if (moe) {
      requireOneKind(theirLayers, theirWindow);
      if (window > 0 && theirWindow > 0 && window != theirWindow) {
        throw invalid(
            HfKeys.WINDOW,
            window + " contradicts sliding_window " + theirWindow + "; remove one of them");
      }
      window = Math.max(window, theirWindow);
    } else {
      if (theirWindow > 0 && theirWindow != window) {
        warnings.add(
            ("sliding_window %d is ignored, as LlamaForCausalLM ignores it: the model attends without"
                    + " a window. To attend with one, name it %s")
                .formatted(theirWindow, HfKeys.WINDOW));
      }
      if (theirLayers.contains(LayerKind.SLIDING) && !theirLayers.equals(layers)) {
        warnings.add(
            "layer_types is ignored, as LlamaForCausalLM ignores it. To attend by kinds of layers,"
                + " name it "
                + HfKeys.LAYERS);
      }
    }
    return new AttentionPattern(
        layers,
        window,
        integer(root, HfKeys.SINKS, 0),
        bool(root, HfKeys.ANCHOR, false),
        integer(root, HfKeys.PREFIX, 0));
  }

  /**
   * Mixtral's class gives every layer the same window and ignores {@code layer_types}. The intended
   * meaning of a file that says otherwise is unknown, so it is an error.
   */
  private static void requireOneKind(List<LayerKind> layers, int window) {
    LayerKind all = window > 0 ? LayerKind.SLIDING : LayerKind.FULL;
    if (layers.stream().anyMatch(kind -> kind != all)) {
      throw invalid(
          "layer_types",
          ("MixtralForCausalLM ignores it, and makes every layer %s here. Remove it to train that"
                  + " model; to attend by kinds of layers, name it %s, and the window %s")
              .formatted(all.key(), HfKeys.LAYERS, HfKeys.WINDOW));
    }
  }

  private static List<LayerKind> kinds(ObjectNode root, String key) {
    JsonNode node = root.path(key);
    List<LayerKind> layers = new ArrayList<>();
    if (node.isMissingNode() || node.isNull()) {
      return layers;
    }
    if (!(node instanceof ArrayNode array)) {
      throw invalid(key, HfKeys.shown(node) + " must be a list of kinds");
    }
    for (JsonNode item : array) {
      LayerKind kind = LayerKind.of(item.asString(""), "config.json: " + key);
      if (kind == LayerKind.LINEAR) {
        throw invalid(key, NOT_LINEAR);
      }
      layers.add(kind);
    }
    return layers;
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

  static Invalid invalid(String key, String problem) {
    return new Invalid("config.json: " + key, problem);
  }
}
