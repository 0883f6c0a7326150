package dev.gyre.trainer.json;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.Activation;
import dev.gyre.partitioning.model.AttentionFeatures;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.MixerSpec.SoftmaxAttention;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RopeScaling;
import dev.gyre.partitioning.model.RouterSpec.TopK;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.BooleanNode;
import tools.jackson.databind.node.IntNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Models as earlier builds wrote them: one flat object with a key for each value, or a tree of
 * layers without the features that only loaded models have.
 */
public final class FormerModel {
  private static final String MARK = "numHiddenLayers";

  private static final Set<String> KEYS =
      Set.of(
          "modelType",
          "vocabSize",
          "hiddenSize",
          MARK,
          "numAttentionHeads",
          "numKeyValueHeads",
          "headDim",
          "intermediateSize",
          "numLocalExperts",
          "numExpertsPerTok",
          "rmsNormEps",
          "ropeTheta",
          "tieWordEmbeddings",
          "attention",
          "mlpOnlyLayers",
          "initializerRange");

  private static final Set<String> ATTENTION_KEYS =
      Set.of("layers", "window", "sinks", "anchor", "prefix");

  private static final JsonNode PLAIN = JsonMapper.shared().valueToTree(AttentionFeatures.PLAIN);

  private FormerModel() {}

  public static boolean is(JsonNode model) {
    return model.has(MARK);
  }

  /**
   * @throws dev.gyre.partitioning.check.Invalid if it holds a number that no model can have
   * @throws tools.jackson.core.JacksonException if a value is missing or of another type
   */
  public static ModelSpec read(JsonNode model) {
    JsonNode attention = model.required("attention");
    requireKnown("model.", model, KEYS);
    requireKnown("model.attention.", attention, ATTENTION_KEYS);
    List<LayerKind> kinds = new ArrayList<>();
    attention.required("layers").forEach(kind -> kinds.add(kind(kind.asString())));
    List<Integer> dense = new ArrayList<>();
    model.required("mlpOnlyLayers").forEach(layer -> dense.add(layer.intValue()));
    return new Decoder(
            new EmbeddingSpec(integer(model, "vocabSize"), integer(model, "hiddenSize")),
            integer(model, MARK),
            new HeadShape(
                integer(model, "numAttentionHeads"),
                integer(model, "numKeyValueHeads"),
                integer(model, "headDim")))
        .mlp(integer(model, "intermediateSize"))
        .experts(integer(model, "numLocalExperts"), integer(model, "numExpertsPerTok"))
        .normEps(model.required("rmsNormEps").doubleValue())
        .ropeTheta(model.required("ropeTheta").doubleValue())
        .tied(model.required("tieWordEmbeddings").booleanValue())
        .attention(
            new AttentionPattern(
                kinds,
                integer(attention, "window"),
                integer(attention, "sinks"),
                attention.required("anchor").booleanValue(),
                integer(attention, "prefix")))
        .mlpOnly(dense)
        .initializerRange(model.required("initializerRange").doubleValue())
        .spec();
  }

  /**
   * Adds to a tree what was added to the model since: every value says that there was none.
   *
   * @return whether there was anything to add
   */
  public static boolean complete(JsonNode model) {
    JsonNode before = model.deepCopy();
    for (JsonNode layer : model.path("layers")) {
      if (layer.path("mixer") instanceof ObjectNode mixer) {
        if (mixer.path("rope") instanceof ObjectNode rope) {
          type(rope, "scaling", RopeScaling.None.class);
        }
        if (isA(mixer, SoftmaxAttention.class)) {
          mixer.putIfAbsent("features", PLAIN.deepCopy());
        }
      }
      if (layer.path("feedForward") instanceof ObjectNode feedForward) {
        type(feedForward, "activation", Activation.Swiglu.class);
        absent(feedForward, "bias", false);
        if (feedForward.path("router") instanceof ObjectNode router) {
          feedForward.putIfAbsent("sharedWidth", IntNode.valueOf(0));
          if (isA(router, TopK.class)) {
            absent(router, "renormalised", true);
            absent(router, "bias", false);
          }
        }
      }
    }
    return !before.equals(model);
  }

  /** Kinds that earlier builds did not have need nothing added. */
  private static boolean isA(ObjectNode object, Class<?> kind) {
    return object.path("type").asString("").equals(kind.getSimpleName());
  }

  private static void type(ObjectNode object, String key, Class<?> type) {
    if (!object.has(key)) {
      object.putObject(key).put("type", type.getSimpleName());
    }
  }

  private static void absent(ObjectNode object, String key, boolean value) {
    object.putIfAbsent(key, BooleanNode.valueOf(value));
  }

  private static LayerKind kind(String name) {
    for (LayerKind kind : LayerKind.values()) {
      if (kind.name().equals(name)) {
        return kind;
      }
    }
    throw new Invalid("model.layer_types", "'" + name + "' is not a kind of layer");
  }

  private static void requireKnown(String prefix, JsonNode object, Set<String> known) {
    for (String key : object.propertyNames()) {
      Invalid.require(known.contains(key), prefix + key, "is not a known key");
    }
  }

  private static int integer(JsonNode object, String key) {
    return object.required(key).intValue();
  }
}
