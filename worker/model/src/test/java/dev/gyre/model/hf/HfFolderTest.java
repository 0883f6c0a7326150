package dev.gyre.model.hf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RopeScaling;
import dev.gyre.partitioning.model.RopeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A head is never dropped without a warning, and the error for a missing one names the usual
 * reason.
 */
final class HfFolderTest {
  private static final String EMBEDDING = "model.embed_tokens.weight";
  private static final String HEAD = "lm_head.weight";
  private static final String NORM = "model.norm.weight";
  private static final float[] SAME = {1, 2, 3};

  @TempDir Path folder;

  private static ModelSpec tied(boolean tied) {
    return TinyFolder.model(tied);
  }

  @Test
  void theFilesOwnHeadIsKeptThoughTheConfigTiesIt() throws IOException {
    TinyFolder.in(folder, true).weights("model.safetensors", List.of(), Map.of());
    HfFolder read = HfFolder.read(folder, null, Map.of());
    assertEquals(tied(false), read.model());
    assertEquals(1, read.warnings().size());
    assertTrue(
        read.warnings()
            .getFirst()
            .startsWith(
                folder
                    + ": lm_head.weight differs from model.embed_tokens.weight though config.json says"
                    + " tie_word_embeddings: true. The file's head is kept"),
        read.toString());
    HfWeights.open(folder, read.model()).close();
  }

  @Test
  void theJobDecidesIfItSays() throws IOException {
    TinyFolder.in(folder, true).weights("model.safetensors", List.of(), Map.of());
    HfFolder shared = HfFolder.read(folder, true, Map.of());
    assertEquals(tied(true), shared.model());
    assertTrue(shared.warnings().getFirst().contains("it is not read, since the job sets"));
    HfWeights.open(folder, shared.model()).close();
    HfFolder own = HfFolder.read(folder, false, Map.of());
    assertEquals(tied(false), own.model());
    assertEquals(List.of(), own.warnings());
  }

  @Test
  void aCopyOfTheEmbeddingIsNoOtherHead() throws IOException {
    TinyFolder.in(folder, true)
        .weights("model.safetensors", List.of(), Map.of(EMBEDDING, SAME, HEAD, SAME));
    assertEquals(new HfFolder(tied(true), List.of()), HfFolder.read(folder, null, Map.of()));
    HfWeights.open(folder, tied(true)).close();
  }

  @Test
  void aMissingHeadNamesTheUsualReason() throws IOException {
    TinyFolder.in(folder, false).weights("model.safetensors", List.of(HEAD), Map.of());
    ModelSpec model = HfFolder.read(folder, null, Map.of()).model();
    assertEquals(tied(false), model);
    String message =
        assertThrows(Invalid.class, () -> HfWeights.open(folder, model).close()).getMessage();
    assertEquals(
        folder
            + ": has no tensor lm_head.weight[16, 8] beside model.embed_tokens.weight, and its"
            + " config.json does not say tie_word_embeddings: true; set"
            + " model.tie_word_embeddings=true if the model shares them",
        message);
    ModelSpec shared = HfFolder.read(folder, true, Map.of()).model();
    assertEquals(tied(true), shared);
    HfWeights.open(folder, shared).close();
  }

  /** A plan needs only the config. */
  @Test
  void weightsNeedNotBeThere() throws IOException {
    TinyFolder.in(folder, true);
    assertEquals(new HfFolder(tied(true), List.of()), HfFolder.read(folder, null, Map.of()));
    Files.delete(folder.resolve("config.json"));
    Invalid e = assertThrows(Invalid.class, () -> HfFolder.read(folder, null, Map.of()));
    assertTrue(e.getMessage().contains("config.json is missing"), e.getMessage());
  }

  /** The scaling of a job, its own defaults, and what it is in place of. */
  @Test
  void aJobChangesTheRope() throws IOException {
    TinyFolder.in(folder, true);
    HfFolder plain = HfFolder.read(folder, null, Map.of());
    HfFolder read =
        HfFolder.read(
            folder,
            null,
            Map.of("type", "yarn", "factor", 4.0, "original_max_position_embeddings", 64L));
    RopeSpec rope = read.model().rotations().iterator().next().rope();
    double factor = 0.1 * Math.log(4) + 1;
    assertEquals(new RopeSpec(1e4, new RopeScaling.Yarn(4, 64, 32, 1, true, factor, 0)), rope);
    assertEquals(
        "model.rope: theta 10,000, yarn × 4.0 of 64 tokens in place of the model's theta 10,000, not"
            + " scaled",
        read.warnings().getFirst());
    assertEquals(plain.model().layers().getFirst().feedForward(), read.model().feedForward(0));
    read = HfFolder.read(folder, null, Map.of("theta", 5e5));
    assertEquals(new RopeSpec(5e5), read.model().rotations().iterator().next().rope());
    refusedRope("model.rope.factor: is missing", Map.of("type", "linear"));
    refusedRope(
        "model.rope.beta_fast: 3.0 is not implemented for rope_type linear",
        Map.of("type", "linear", "factor", 2.0, "beta_fast", 3.0));
    refusedRope(
        "model.rope.original_max_position_embeddings: is missing",
        Map.of("type", "yarn", "factor", 2.0));
  }

  /** With the model's own type, only what a job gives is another. */
  @Test
  void aJobKeepsTheRestOfTheModelsScaling() throws IOException {
    TinyFolder.in(folder, true);
    Path file = folder.resolve("config.json");
    ObjectNode config = (ObjectNode) JsonMapper.shared().readTree(Files.readString(file));
    config.remove("rope_theta");
    config
        .putObject("rope_parameters")
        .put("rope_type", "yarn")
        .put("rope_theta", 5e4)
        .put("factor", 40.0)
        .put("original_max_position_embeddings", 64)
        .put("truncate", false)
        .put("mscale", 1.0)
        .put("mscale_all_dim", 1.0);
    Files.writeString(file, config.toString());
    assertEquals(
        new RopeSpec(5e4, new RopeScaling.Yarn(80, 64, 32, 1, false, 1, 1)),
        rope(Map.of("factor", 80.0)));
    assertEquals(
        new RopeSpec(1e6, new RopeScaling.Yarn(40, 64, 32, 1, false, 1, 1)),
        rope(Map.of("theta", 1e6)));
    assertEquals(
        List.of(
            "model.rope: theta 50,000, yarn × 40.0 of 64 tokens, not truncated, latent scale 1.0 in"
                + " place of the model's theta 50,000, yarn × 40.0 of 64 tokens, not truncated,"
                + " attention factor 1.000, latent scale 1.0"),
        HfFolder.read(folder, null, Map.of("mscale", 10.0, "attention_factor", 1.3688879454113936))
            .warnings());
    assertEquals(
        new RopeSpec(5e4), rope(Map.of("type", "default")), "what was scaled is not any more");
    assertEquals(List.of(), HfFolder.read(folder, null, Map.of("factor", 40.0)).warnings());
    refusedRope("model.rope.factor: is missing; linear needs it", Map.of("type", "linear"));
  }

  private RopeSpec rope(Map<String, Object> changes) throws IOException {
    ModelSpec model = HfFolder.read(folder, null, changes).model();
    return model.rotations().iterator().next().rope();
  }

  private void refusedRope(String problem, Map<String, Object> rope) {
    Invalid e = assertThrows(Invalid.class, () -> HfFolder.read(folder, null, rope));
    assertTrue(e.getMessage().contains(problem), e.getMessage());
  }

  @Test
  void whatIsNotReadIsNamed() throws IOException {
    TinyFolder.in(folder, false).weights("model.safetensors", List.of(), Map.of());
    Files.write(folder.resolve("pytorch_model.bin"), new byte[9]);
    assertEquals(
        List.of(
            folder
                + ": the weights in model.safetensors are read, pytorch_model.bin is not; delete what"
                + " is old"),
        HfFolder.read(folder, null, Map.of()).warnings());
  }

  @Test
  void valuesThatAreNotFiniteAreNamed() throws IOException {
    Path weights = folder.resolve("model.safetensors");
    TinyFolder tiny = TinyFolder.in(folder, false);
    tiny.weights("model.safetensors", List.of(), Map.of());
    try (HfWeights whole = HfWeights.open(folder, tied(false))) {
      whole.requireFinite();
    }
    Files.delete(weights);
    float[] oneOfEight = {1, 1, Float.NaN, 1, 1, 1, 1, 1};
    tiny.weights("model.safetensors", List.of(), Map.of(NORM, oneOfEight));
    refusedAsNotFinite(
        "model.norm.weight of " + weights + " holds 1 value that is not finite; download it again");
    Files.delete(weights);
    float[] twoOfEight = {Float.NEGATIVE_INFINITY, 1, 1, 1, Float.NaN, 1, 1, 1};
    tiny.weights("model.safetensors", List.of(), Map.of(NORM, twoOfEight, HEAD, oneOfEight));
    refusedAsNotFinite(
        "model.norm.weight of "
            + weights
            + " holds 2 values that are not finite; tensors with such values: 2; download it again");
  }

  private void refusedAsNotFinite(String problem) throws IOException {
    try (HfWeights weights = HfWeights.open(folder, tied(false))) {
      Invalid e = assertThrows(Invalid.class, weights::requireFinite);
      assertEquals(folder + ": " + problem, e.getMessage());
    }
  }
}
