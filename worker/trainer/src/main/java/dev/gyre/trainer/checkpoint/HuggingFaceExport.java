package dev.gyre.trainer.checkpoint;

import dev.gyre.kernels.BFloat16;
import dev.gyre.kernels.DType;
import dev.gyre.model.hf.HfConfigWriter;
import dev.gyre.model.parameters.ModelParameters;
import dev.gyre.model.parameters.ParameterSpec;
import dev.gyre.model.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Exports a checkpoint's weights as a Hugging Face model folder. */
public final class HuggingFaceExport {
  public static final String WEIGHTS = "model.safetensors";

  /** Elements converted at a time. */
  private static final long CHUNK = 1 << 20;

  private HuggingFaceExport() {}

  /**
   * Writes {@code config.json} and {@code model.safetensors}. The weights get their name last, so
   * that an interrupted export is not taken for a model.
   *
   * @param checkpoint its folder; verified first
   * @param folder made if missing; must not hold weights yet
   * @param dtype {@link DType#F32} (exact) or {@link DType#BF16} (rounded to nearest even)
   * @return what Hugging Face classes would compute differently, one line each for the user
   * @throws CheckpointException if the checkpoint is damaged, or the folder holds weights
   * @throws dev.gyre.partitioning.job.Invalid if Hugging Face has no class for the model
   */
  public static List<String> export(Path checkpoint, Path folder, DType dtype) throws IOException {
    if (dtype != DType.F32 && dtype != DType.BF16) {
      throw new IllegalArgumentException("weights are exported as F32 or BF16, not " + dtype);
    }
    Path weights = folder.resolve(WEIGHTS);
    if (Files.exists(weights)) {
      throw new CheckpointException(weights + " exists already; export into another folder");
    }
    Manifest manifest = CheckpointStore.verify(checkpoint);
    HfConfigWriter.requireWritable(manifest.model());
    Files.createDirectories(folder);
    Path unfinished = folder.resolve(WEIGHTS + ".part");
    Files.deleteIfExists(unfinished);
    List<ParameterSpec> parameters = ModelParameters.of(manifest.model());
    try (CheckpointReader reader = CheckpointReader.open(checkpoint)) {
      writeWeights(reader, parameters, dtype, unfinished);
    }
    Files.writeString(
        folder.resolve("config.json"),
        HfConfigWriter.write(manifest.model(), config(manifest, dtype)));
    Files.move(unfinished, weights, StandardCopyOption.ATOMIC_MOVE);
    return HfConfigWriter.warnings(manifest.model());
  }

  private static ObjectNode config(Manifest manifest, DType dtype) {
    JsonMapper json = JsonMapper.shared();
    ObjectNode config =
        manifest.sourceConfig().isEmpty()
            ? json.createObjectNode()
            : (ObjectNode) json.readTree(manifest.sourceConfig());
    config.remove("dtype"); // the newer name of the same key
    config.put("torch_dtype", dtype == DType.F32 ? "float32" : "bfloat16");
    return config;
  }

  private static void writeWeights(
      CheckpointReader reader, List<ParameterSpec> parameters, DType dtype, Path file)
      throws IOException {
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    for (ParameterSpec parameter : parameters) {
      entries.add(
          new SafetensorsWriter.Entry(
              parameter.name(), dtype.safetensorsName(), parameter.shape()));
    }
    try (Arena arena = Arena.ofConfined();
        SafetensorsWriter writer =
            SafetensorsWriter.create(file, entries, Map.of("format", "pt"))) {
      MemorySegment values = arena.allocate(CHUNK * Float.BYTES, Float.BYTES);
      for (ParameterSpec parameter : parameters) {
        for (long from = 0; from < parameter.elements(); from += CHUNK) {
          long count = Math.min(CHUNK, parameter.elements() - from);
          reader.read(parameter, StateKind.WEIGHT, from, count, values);
          if (dtype == DType.BF16) {
            roundInPlace(values, count);
          }
          MemorySegment bytes = values.asSlice(0, count * dtype.bytes());
          writer.write(parameter.name(), from * dtype.bytes(), bytes);
        }
      }
      writer.channel().force(true);
    }
  }

  /** Element i is read at 4i and written at 2i, which has been read already. */
  private static void roundInPlace(MemorySegment values, long count) {
    for (long i = 0; i < count; i++) {
      float value = values.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      values.setAtIndex(ValueLayout.JAVA_SHORT, i, BFloat16.fromFloat(value));
    }
  }
}
