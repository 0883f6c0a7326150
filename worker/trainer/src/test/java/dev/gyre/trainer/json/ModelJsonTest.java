package dev.gyre.trainer.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.model.hf.HfConfig;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.trainer.golden.FamilyFolders;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A model as JSON: as this build writes it, and as earlier ones did. */
final class ModelJsonTest {
  private static final List<LayerKind> KINDS =
      List.of(LayerKind.LINEAR, LayerKind.SLIDING, LayerKind.FULL);

  private static final ModelSpec MODEL =
      new Decoder(new EmbeddingSpec(16, 8), 3, new HeadShape(4, 2, 2))
          .mlp(6)
          .experts(5, 2)
          .mlpOnly(List.of(1))
          .attention(new AttentionPattern(KINDS, 9, 4, true, 3))
          .tied(true)
          .normEps(1e-6)
          .ropeTheta(500)
          .initializerRange(0.02)
          .spec();

  /** {@link #MODEL} as builds before the tree wrote it. */
  private static final String FORMER =
      """
      {"modelType": "mixtral", "vocabSize": 16, "hiddenSize": 8, "numHiddenLayers": 3,
       "numAttentionHeads": 4, "numKeyValueHeads": 2, "headDim": 2, "intermediateSize": 6,
       "numLocalExperts": 5, "numExpertsPerTok": 2, "rmsNormEps": 1.0E-6, "ropeTheta": 500.0,
       "tieWordEmbeddings": true,
       "attention": {"layers": ["LINEAR", "SLIDING", "FULL"], "window": 9, "sinks": 4,
                     "anchor": true, "prefix": 3},
       "mlpOnlyLayers": [1], "initializerRange": 0.02}
      """;

  @Test
  void aModelIsReadAsWritten() {
    assertEquals(MODEL, SpecJson.read(SpecJson.write(MODEL), ModelSpec.class, "the model"));
  }

  @Test
  void aFormerModelIsTheSameTree() {
    assertEquals(MODEL, FormerModel.read(JsonMapper.shared().readTree(FORMER)));
  }

  /** A tree of a build before loaded models had features of their own. */
  @Test
  void aFormerTreeIsCompleted() {
    JsonNode tree = JsonMapper.shared().readTree(SpecJson.write(MODEL));
    Set<String> later =
        Set.of("scaling", "features", "activation", "bias", "renormalised", "sharedWidth");
    assertFalse(FormerModel.complete(tree.deepCopy()));
    remove(tree, later);
    JsonNode former = tree.deepCopy();
    assertTrue(FormerModel.complete(tree));
    assertNotEquals(former, tree);
    assertEquals(MODEL, SpecJson.read(tree.toString(), ModelSpec.class, "the model"));
  }

  /** Kinds of parts that only loaded models have were always written whole. */
  @Test
  void loadedModelsAreReadAsWritten() throws IOException {
    for (Path folder : FamilyFolders.all()) {
      ModelSpec model = HfConfig.read(folder.resolve("config.json")).model();
      String json = SpecJson.write(model);
      assertEquals(model, SpecJson.read(json, ModelSpec.class, "the model"));
      assertFalse(FormerModel.complete(JsonMapper.shared().readTree(json)), folder.toString());
    }
  }

  private static void remove(JsonNode tree, Set<String> keys) {
    if (tree instanceof ObjectNode object) {
      object.remove(keys);
    }
    tree.forEach(child -> remove(child, keys));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"tied\" : true                          | \"tied\" : null           | tied",
        "\"head\" : {([^}]*)}                     | \"head\" : null           | model.head",
        "\"theta\" : 500.0                        | \"theta\" : null          | rope_theta",
        "\"kind\" : \"FULL\"                      | \"kind\" : null           | layer_types",
        "\"kind\" : \"FULL\"                      | \"kind\" : \"LINEAR\"     | layer_types",
        "\"window\" : 9                           | \"window\" : 2147483647   | sliding_window",
        "\"prefix\" : 3                           | \"prefix\" : 2147483647   | prefix_length",
        "\"perToken\" : 2                         | \"perToken\" : 6          | experts_per_tok",
        "\"type\" : \"DenseMlp\"                  | \"type\" : \"Dense\"      | Dense",
      })
  void aValueThatCannotBeIsNamed(String good, String bad, String named) {
    String json = SpecJson.write(MODEL);
    String changed = json.replaceFirst(good.replace("{(", "\\{(").replace(")}", ")\\}"), bad);
    assertNotEquals(json, changed, good);
    SpecException e =
        assertThrows(
            SpecException.class, () -> SpecJson.read(changed, ModelSpec.class, "the model"));
    assertTrue(e.getMessage().startsWith("the model is not a valid Model: "), e.getMessage());
    assertTrue(e.getMessage().contains(named), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource({
    "SLIDING, SLIDE, model.layer_types",
    "modelType, modelKind, model.modelKind",
    "sinks, sunk, model.attention.sunk",
    "\"headDim\": 2, \"headDim\": 3, model.head_dim",
  })
  void aFormerJobThatCannotBeIsNamed(String good, String bad, String named) {
    String json = "{\"model\": " + FORMER.replace(good, bad) + "}";
    SpecException e =
        assertThrows(
            SpecException.class, () -> SpecJson.read(json, JobSpec.class, "runs/a/job.json"));
    assertTrue(e.getMessage().startsWith("runs/a/job.json is not a valid Job: "), e.getMessage());
    assertTrue(e.getMessage().contains(named), e.getMessage());
  }
}
