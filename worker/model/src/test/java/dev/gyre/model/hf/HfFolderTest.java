package dev.gyre.model.hf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.ModelSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
    HfFolder read = HfFolder.read(folder, null);
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
    HfFolder shared = HfFolder.read(folder, true);
    assertEquals(tied(true), shared.model());
    assertTrue(shared.warnings().getFirst().contains("it is not read, since the job sets"));
    HfWeights.open(folder, shared.model()).close();
    HfFolder own = HfFolder.read(folder, false);
    assertEquals(tied(false), own.model());
    assertEquals(List.of(), own.warnings());
  }

  @Test
  void aCopyOfTheEmbeddingIsNoOtherHead() throws IOException {
    TinyFolder.in(folder, true)
        .weights("model.safetensors", List.of(), Map.of(EMBEDDING, SAME, HEAD, SAME));
    assertEquals(new HfFolder(tied(true), List.of()), HfFolder.read(folder, null));
    HfWeights.open(folder, tied(true)).close();
  }

  @Test
  void aMissingHeadNamesTheUsualReason() throws IOException {
    TinyFolder.in(folder, false).weights("model.safetensors", List.of(HEAD), Map.of());
    ModelSpec model = HfFolder.read(folder, null).model();
    assertEquals(tied(false), model);
    String message =
        assertThrows(Invalid.class, () -> HfWeights.open(folder, model).close()).getMessage();
    assertEquals(
        folder
            + ": has no tensor lm_head.weight[16, 8] beside model.embed_tokens.weight, and its"
            + " config.json does not say tie_word_embeddings: true; set"
            + " model.tie_word_embeddings=true if the model shares them",
        message);
    ModelSpec shared = HfFolder.read(folder, true).model();
    assertEquals(tied(true), shared);
    HfWeights.open(folder, shared).close();
  }

  /** A plan needs only the config. */
  @Test
  void weightsNeedNotBeThere() throws IOException {
    TinyFolder.in(folder, true);
    assertEquals(new HfFolder(tied(true), List.of()), HfFolder.read(folder, null));
    Files.delete(folder.resolve("config.json"));
    Invalid e = assertThrows(Invalid.class, () -> HfFolder.read(folder, null));
    assertTrue(e.getMessage().contains("config.json is missing"), e.getMessage());
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
        HfFolder.read(folder, null).warnings());
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
