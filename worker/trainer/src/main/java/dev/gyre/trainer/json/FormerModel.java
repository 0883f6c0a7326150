package dev.gyre.trainer.json;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** Models as earlier builds wrote them: one flat object, with a key for each value. */
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
