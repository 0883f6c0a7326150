package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.BFloat16;
import dev.gyre.kernels.DType;
import dev.gyre.model.hf.HfConfig;
import dev.gyre.model.hf.HfWeights;
import dev.gyre.model.safetensors.ModelFiles;
import dev.gyre.model.safetensors.SafetensorsReader;
import dev.gyre.model.safetensors.SafetensorsWriter;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.trainer.golden.FamilyFolders;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** In every family, the export of an import is the imported folder again. */
final class FamiliesExportTest {
  /** About a tenth of a case; a few of its tensors are larger. */
  private static final long SMALL_SHARD = 6000;

  @TempDir Path folder;

  static List<Path> folders() {
    return FamilyFolders.all();
  }

  @ParameterizedTest
  @MethodSource("folders")
  void oneFile(Path source) throws IOException {
    Path out = export(source, DType.F32, HuggingFaceExport.SHARD_BYTES);
    assertTrue(Files.exists(out.resolve("model.safetensors")));
    assertSameTensors(source, out);
    assertEquals(config(source), config(out));
    assertEquals(model(source), model(out));
  }

  @ParameterizedTest
  @MethodSource("folders")
  void shards(Path source) throws IOException {
    Path out = export(source, DType.F32, SMALL_SHARD);
    assertFalse(Files.exists(out.resolve("model.safetensors")));
    assertSameTensors(source, out);
    assertEquals(config(source), config(out));
    JsonNode index =
        JsonMapper.shared().readTree(Files.readString(out.resolve("model.safetensors.index.json")));
    long bytes = 0;
    try (ModelFiles files = ModelFiles.open(out)) {
      for (String name : files.names()) {
        SafetensorsReader file = files.holding(name);
        bytes += file.bytes(name).byteSize();
        assertEquals(
            String.valueOf(file.file().getFileName()),
            index.path("weight_map").path(name).asString(),
            name);
      }
      assertEquals(files.names().size(), index.path("weight_map").size());
    }
    assertEquals(bytes, index.path("metadata").path("total_size").asLong());
  }

  /** Published weights are seldom F32. Their values are read exactly, and BF16 is written back. */
  @ParameterizedTest
  @CsvSource({"gpt-oss,BF16", "gpt-oss,F16", "deepseek-v3,BF16", "deepseek-v3,F16", "qwen3,BF16"})
  void sourcesOfTwoBytes(String name, String dtype) throws IOException {
    Path exact = source(name);
    Path source = converted(exact, dtype);
    ModelSpec model = model(exact);
    try (HfWeights wanted = HfWeights.open(exact, model);
        HfWeights read = HfWeights.open(source, model)) {
      for (TensorSpec spec : model.tensors()) {
        float[] values = values(wanted, spec);
        for (int i = 0; spec.trained() && i < values.length; i++) {
          values[i] = value(bits(values[i], dtype), dtype);
        }
        assertArrayEquals(values, values(read, spec), spec.name());
      }
    }
    if (dtype.equals("BF16")) {
      Path out = export(source, DType.BF16, HuggingFaceExport.SHARD_BYTES);
      assertSameTensors(source, out);
      assertEquals("bfloat16", config(out).path("dtype").asString());
    }
  }

  /** Programs that read one of the names must not find the other with another value. */
  @Test
  void theDtypeHasTheNameThatItHadInTheSource() throws IOException {
    Path source = converted(source("llama"), "F32");
    ObjectNode config = config(source);
    for (boolean newer : new boolean[] {true, false}) {
      config.put("torch_dtype", "float16");
      if (!newer) {
        config.remove("dtype");
      }
      Files.writeString(source.resolve("config.json"), config.toString());
      ObjectNode written = config(export(source, DType.BF16, HuggingFaceExport.SHARD_BYTES));
      assertEquals("bfloat16", written.path(newer ? "dtype" : "torch_dtype").asString());
      assertFalse(written.has(newer ? "torch_dtype" : "dtype"));
    }
  }

  private static Path source(String name) {
    return folders().stream().filter(path -> path.endsWith(name)).findFirst().orElseThrow();
  }

  private Path export(Path source, DType dtype, long shardBytes) throws IOException {
    Path work = Files.createTempDirectory(folder, "export");
    Path checkpoint = FamilyCheckpoint.of(source, work.resolve("checkpoints"));
    Path out = work.resolve("out");
    assertEquals(
        List.of(), HuggingFaceExport.export(checkpoint, out, dtype, shardBytes, List.of()));
    return out;
  }

  private static ObjectNode config(Path folder) throws IOException {
    String text = Files.readString(folder.resolve("config.json"));
    return (ObjectNode) JsonMapper.shared().readTree(text);
  }

  private static ModelSpec model(Path folder) throws IOException {
    return HfConfig.read(folder.resolve("config.json")).model();
  }

  private static void assertSameTensors(Path expected, Path actual) throws IOException {
    try (ModelFiles wanted = ModelFiles.open(expected);
        ModelFiles got = ModelFiles.open(actual)) {
      assertEquals(new TreeSet<>(wanted.names()), new TreeSet<>(got.names()));
      for (String name : wanted.names()) {
        assertEquals(
            wanted.holding(name).info(name).toString(), got.holding(name).info(name).toString());
        MemorySegment bytes = wanted.holding(name).bytes(name);
        assertEquals(-1, bytes.mismatch(got.holding(name).bytes(name)), name);
      }
    }
  }

  /**
   * A copy whose weights, in one file, have another dtype, unless the family's class holds them in
   * F32: the bias that DeepSeek-V3's router chooses experts with.
   */
  private Path converted(Path source, String dtype) throws IOException {
    Path copy = Files.createTempDirectory(folder, "source");
    Files.copy(source.resolve("config.json"), copy.resolve("config.json"));
    HfConfig config = HfConfig.read(source.resolve("config.json"));
    try (Arena arena = Arena.ofConfined();
        ModelFiles files = ModelFiles.open(source)) {
      List<SafetensorsWriter.Entry> entries = new ArrayList<>();
      for (String name : files.names()) {
        long[] shape = files.holding(name).info(name).shape();
        String own = config.keepsF32(name) ? "F32" : dtype;
        entries.add(new SafetensorsWriter.Entry(name, own, shape));
      }
      try (SafetensorsWriter writer =
          SafetensorsWriter.create(copy.resolve("model.safetensors"), entries, Map.of())) {
        for (SafetensorsWriter.Entry entry : entries) {
          SafetensorsReader file = files.holding(entry.name());
          long count = file.info(entry.name()).elements();
          MemorySegment values = arena.allocate(ValueLayout.JAVA_FLOAT, count);
          file.readF32(entry.name(), 0, count, values);
          writer.write(
              entry.name(), 0, entry.dtype().equals("F32") ? values : halves(arena, values, dtype));
        }
      }
    }
    return copy;
  }

  private static MemorySegment halves(Arena arena, MemorySegment values, String dtype) {
    long count = values.byteSize() / Float.BYTES;
    MemorySegment halves = arena.allocate(ValueLayout.JAVA_SHORT, count);
    for (long i = 0; i < count; i++) {
      short bits = bits(values.getAtIndex(ValueLayout.JAVA_FLOAT, i), dtype);
      halves.setAtIndex(ValueLayout.JAVA_SHORT, i, bits);
    }
    return halves;
  }

  private static short bits(float value, String dtype) {
    return dtype.equals("BF16") ? BFloat16.fromFloat(value) : Float.floatToFloat16(value);
  }

  private static float value(short bits, String dtype) {
    return dtype.equals("BF16") ? BFloat16.toFloat(bits) : Float.float16ToFloat(bits);
  }

  private static float[] values(HfWeights weights, TensorSpec spec) {
    MemorySegment values = CheckpointFixture.empty(spec.elements());
    weights.read(spec, spec.whole(), values);
    return values.toArray(ValueLayout.JAVA_FLOAT);
  }
}
