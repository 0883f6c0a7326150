package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gyre.kernels.DType;
import dev.gyre.model.hf.HfConfig;
import dev.gyre.trainer.golden.FamilyFolders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Hugging Face's library loads every export without a warning, and computes the expected logits.
 * Needs a Python with transformers 5, which the environment variable GYRE_PYTHON names.
 */
final class HuggingFaceLibraryTest {
  private static final int TIMEOUT_MINUTES = 5;

  @TempDir Path folder;

  private final ArrayNode exports = JsonMapper.shared().createArrayNode();
  private String python = "";

  @BeforeEach
  void findPython() {
    String named = System.getenv("GYRE_PYTHON");
    assumeTrue(named != null, "GYRE_PYTHON names no Python with transformers");
    python = Objects.requireNonNull(named);
  }

  /** In one file and in shards by turns. */
  @Test
  void exportsOfImports() throws Exception {
    for (Path golden : FamilyFolders.all()) {
      Path checkpoint = FamilyCheckpoint.of(golden, checkpoints(golden, "same"));
      boolean shards = exports.size() % 2 == 1;
      export(golden, checkpoint, "same", DType.F32, shards ? 20_000 : Long.MAX_VALUE);
    }
    assertLoads();
  }

  @Test
  void exportsInBf16() throws Exception {
    for (Path golden : folders("llama", "gpt-oss", "deepseek-v3")) {
      Path checkpoint = FamilyCheckpoint.of(golden, checkpoints(golden, "bf16"));
      export(golden, checkpoint, "bf16", DType.BF16, Long.MAX_VALUE);
    }
    assertLoads();
  }

  /** Models that started from initial weights, whose config is all ours. */
  @Test
  void exportsWithoutSource() throws Exception {
    for (Path golden :
        folders(
            "llama-packed", "llama-tied", "llama-linear", "llama-rope3", "llama-yarn", "mixtral")) {
      int positions = config(golden).path("max_position_embeddings").asInt();
      RunIdentity identity =
          new RunIdentity(
              "data",
              new TreeMap<>(Map.of("train.sequence-length", Integer.toString(positions))),
              new TreeMap<>());
      Path checkpoint = FamilyCheckpoint.of(golden, "", identity, checkpoints(golden, "fresh"));
      export(golden, checkpoint, "fresh", DType.F32, Long.MAX_VALUE);
    }
    assertLoads();
  }

  /** A job may give a model that it loads another rope and another head. */
  @Test
  void exportsOfChangedModels() throws Exception {
    for (Path golden :
        folders("llama-linear", "llama-rope3", "llama-tied", "gpt-oss", "deepseek-v3-yarn")) {
      ObjectNode before = config(golden);
      before.putObject("rope_parameters").put("rope_type", "default").put("rope_theta", 12345.0);
      before.put("tie_word_embeddings", false);
      Path checkpoint =
          FamilyCheckpoint.of(
              golden,
              before.toString(),
              CheckpointFixture.identity(),
              checkpoints(golden, "changed"));
      export(golden, checkpoint, "changed", DType.F32, Long.MAX_VALUE);
    }
    assertLoads();
  }

  private static List<Path> folders(String... names) {
    List<Path> found =
        FamilyFolders.all().stream()
            .filter(path -> List.of(names).contains(String.valueOf(path.getFileName())))
            .toList();
    assertEquals(names.length, found.size());
    return found;
  }

  private static ObjectNode config(Path golden) throws IOException {
    return HfConfig.read(golden.resolve("config.json")).source();
  }

  private Path checkpoints(Path golden, String kind) {
    return folder.resolve(golden.getFileName() + "-" + kind + "-checkpoints");
  }

  private void export(Path golden, Path checkpoint, String kind, DType dtype, long shardBytes)
      throws IOException {
    Path out = folder.resolve(golden.getFileName() + "-" + kind);
    assertEquals(
        List.of(), HuggingFaceExport.export(checkpoint, out, dtype, shardBytes, List.of()));
    exports
        .addObject()
        .put("folder", out.toString())
        .put("dtype", dtype == DType.F32 ? "float32" : "bfloat16")
        .put("golden", golden.toString());
  }

  private void assertLoads() throws Exception {
    Path script =
        Path.of(Objects.requireNonNull(getClass().getResource("load_exports.py")).toURI());
    Path list = Files.writeString(folder.resolve("exports.json"), exports.toString());
    Path said = folder.resolve("said.txt");
    Path errors = folder.resolve("errors.txt");
    ProcessBuilder builder =
        new ProcessBuilder(python, script.toString(), list.toString())
            .redirectOutput(said.toFile())
            .redirectError(errors.toFile());
    builder.environment().put("HF_HUB_OFFLINE", "1");
    Process process = builder.start();
    try {
      assertTrue(process.waitFor(TIMEOUT_MINUTES, TimeUnit.MINUTES), "the library takes too long");
    } finally {
      process.destroyForcibly();
    }
    assertEquals(0, process.exitValue(), Files.readString(errors));
    assertEquals("", Files.readString(said));
  }
}
