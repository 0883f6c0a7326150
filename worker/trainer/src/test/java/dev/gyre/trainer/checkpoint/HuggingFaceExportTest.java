package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.BFloat16;
import dev.gyre.kernels.DType;
import dev.gyre.model.hf.HfConfig;
import dev.gyre.model.hf.HfWeights;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.TensorSpec;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** An export loads in Hugging Face's library, and is complete or absent. */
final class HuggingFaceExportTest {
  @TempDir Path folder;
  private CheckpointFixture fixture;

  @BeforeEach
  void open() {
    fixture = new CheckpointFixture(folder.resolve("checkpoints"));
  }

  @Test
  void exportIsAHuggingFaceFolder() throws IOException {
    Path step = fixture.save(1, 3);
    for (DType dtype : new DType[] {DType.F32, DType.BF16}) {
      Path out = folder.resolve(dtype.name());
      HuggingFaceExport.export(step, out, dtype, HuggingFaceExport.SHARD_BYTES, List.of());
      HfConfig config = HfConfig.read(out.resolve("config.json"));
      assertEquals(CheckpointFixture.MODEL, config.model());
      assertTrue(
          Files.readString(out.resolve("config.json"))
              .contains(dtype == DType.F32 ? "\"float32\"" : "\"bfloat16\""));
      try (HfWeights weights = HfWeights.open(out, config.model())) {
        for (TensorSpec spec : config.model().tensors()) {
          MemorySegment values = CheckpointFixture.empty(spec.elements());
          weights.read(spec, spec.whole(), values);
          for (long i = 0; i < spec.elements(); i++) {
            float exact = CheckpointFixture.value(spec.name(), StateKind.WEIGHT, i);
            float expected =
                dtype == DType.F32 ? exact : BFloat16.toFloat(BFloat16.fromFloat(exact));
            assertEquals(expected, values.getAtIndex(ValueLayout.JAVA_FLOAT, i));
          }
        }
      }
      assertFalse(Files.exists(out.resolve("model.safetensors.part")));
      Invalid e =
          assertThrows(
              Invalid.class,
              () ->
                  HuggingFaceExport.export(
                      step, out, dtype, HuggingFaceExport.SHARD_BYTES, List.of()));
      assertTrue(e.getMessage().contains("holds config.json already"), e.getMessage());
    }
  }

  @Test
  void exportKeepsTheSourcesOtherKeys() throws IOException {
    String source = "{\"vocab_size\": 99, \"eos_token_id\": 2, \"torch_dtype\": \"float16\"}";
    Manifest manifest =
        Manifest.of(
            5, 0, 1, 0, CheckpointFixture.identity(), CheckpointFixture.MODEL, source, "{}");
    Path step = fixture.store(1).commit(manifest.withFiles(fixture.write(5, 1)));
    HuggingFaceExport.export(
        step, folder.resolve("hf"), DType.F32, HuggingFaceExport.SHARD_BYTES, List.of());
    String config = Files.readString(folder.resolve("hf/config.json"));
    assertTrue(config.contains("\"eos_token_id\" : 2"), config);
    assertTrue(config.contains("\"vocab_size\" : 16"), config);
    assertTrue(config.contains("\"float32\""), config);
  }

  private Path saved(String source, Map<String, String> arithmetic) throws IOException {
    RunIdentity identity = new RunIdentity("data-1", new TreeMap<>(arithmetic), new TreeMap<>());
    Manifest manifest = Manifest.of(7, 0, 1, 0, identity, CheckpointFixture.MODEL, source, "{}");
    return fixture.store(9).commit(manifest.withFiles(fixture.write(7, 1)));
  }

  private static JsonNode export(Path step, Path out, Path... companions) throws IOException {
    HuggingFaceExport.export(
        step, out, DType.F32, HuggingFaceExport.SHARD_BYTES, List.of(companions));
    return JsonMapper.shared().readTree(Files.readString(out.resolve("config.json")));
  }

  /** The class's own defaults are 2048 positions, and token ids that are bytes of text here. */
  @Test
  void exportSaysPositionsAndTokens() throws IOException {
    Map<String, String> trained = Map.of("train.sequence-length", "16384");
    JsonNode fresh = export(saved("", trained), folder.resolve("fresh"));
    assertEquals(16384, fresh.path("max_position_embeddings").asInt());
    assertTrue(fresh.has("bos_token_id") && fresh.path("bos_token_id").isNull());
    assertTrue(fresh.has("eos_token_id") && fresh.path("eos_token_id").isNull());
    String source =
        "{\"max_position_embeddings\": %d, \"bos_token_id\": 1, \"eos_token_id\": [2, 3]}";
    JsonNode longer = export(saved(source.formatted(32768), trained), folder.resolve("longer"));
    assertEquals(32768, longer.path("max_position_embeddings").asInt());
    assertEquals(1, longer.path("bos_token_id").asInt());
    assertEquals("[2,3]", longer.path("eos_token_id").toString());
    JsonNode shorter = export(saved(source.formatted(2048), trained), folder.resolve("shorter"));
    assertEquals(16384, shorter.path("max_position_embeddings").asInt());
  }

  @Test
  void companionsTravelWithTheExport() throws IOException {
    Path tokenizer = Files.writeString(folder.resolve("tokenizer.json"), "{\"version\": \"1.0\"}");
    Path out = folder.resolve("hf");
    export(fixture.save(1, 1), out, tokenizer);
    assertEquals(Files.readString(tokenizer), Files.readString(out.resolve("tokenizer.json")));
    try (var files = Files.list(out)) {
      assertEquals(3, files.count());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "config.json",
        "model.safetensors",
        "model-00001-of-00001.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "tokenizer.json"
      })
  void aFolderWithAnotherModelIsNotExportedInto(String held) throws IOException {
    Path step = fixture.save(1, 1);
    Path tokenizer = Files.writeString(folder.resolve("tokenizer.json"), "{}");
    Path out = Files.createDirectories(folder.resolve("hf"));
    Files.writeString(out.resolve(held), "old");
    Invalid e = assertThrows(Invalid.class, () -> export(step, out, tokenizer));
    assertEquals(out + ": holds " + held + " already; export into another folder", e.getMessage());
    assertEquals("old", Files.readString(out.resolve(held)));
    try (var files = Files.list(out)) {
      assertEquals(1, files.count());
    }
  }

  @Test
  void anExportThatFailsLeavesNoModel() throws IOException {
    Path step = fixture.save(1, 1);
    Path out = Files.createDirectories(folder.resolve("hf"));
    Files.writeString(out.resolve("README.md"), "mine");
    Files.createDirectories(out.resolve("config.json.part").resolve("in the way"));
    assertThrows(IOException.class, () -> export(step, out));
    assertFalse(Files.exists(out.resolve("model.safetensors")));
    assertFalse(Files.exists(out.resolve("model.safetensors.part")));
    assertFalse(Files.exists(out.resolve("config.json")));
    assertEquals("mine", Files.readString(out.resolve("README.md")));
  }

  @Test
  void aDamagedCheckpointIsNotExported() throws IOException {
    Path step = fixture.save(1, 1);
    Path file = step.resolve("rank-00000.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 3] ^= 1;
    Files.write(file, bytes);
    Path out = folder.resolve("hf");
    assertThrows(
        CheckpointException.class,
        () ->
            HuggingFaceExport.export(
                step, out, DType.F32, HuggingFaceExport.SHARD_BYTES, List.of()));
    assertFalse(Files.exists(out.resolve("model.safetensors")));
  }
}
