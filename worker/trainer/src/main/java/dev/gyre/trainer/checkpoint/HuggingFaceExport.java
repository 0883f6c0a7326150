package dev.gyre.trainer.checkpoint;

import dev.gyre.kernels.BFloat16;
import dev.gyre.kernels.DType;
import dev.gyre.model.hf.HfConfigWriter;
import dev.gyre.model.hf.HfNames;
import dev.gyre.model.safetensors.SafetensorsWriter;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.TensorBox;
import dev.gyre.partitioning.model.TensorSpec;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Exports a checkpoint's weights as a Hugging Face model folder. All files are written and synced
 * under temporary names; {@code config.json} gets its name last. An export that was interrupted
 * leaves no folder that loads, and never a mix of two models.
 */
public final class HuggingFaceExport {
  private static final String WEIGHTS = "model.safetensors";
  private static final String CONFIG = "config.json";

  /** Files of which a folder with a model has one or more. */
  private static final Pattern MODEL =
      Pattern.compile(
          "config\\.json|.*\\.safetensors|.*\\.safetensors\\.index\\.json|pytorch_model.*|.*\\.gguf");

  private static final String POSITIONS = "max_position_embeddings";

  /** The manifest key of the trained sequence length. */
  private static final String SEQUENCE_LENGTH = "train.sequence-length";

  /** Elements converted at a time. */
  private static final long CHUNK = 1 << 20;

  private HuggingFaceExport() {}

  /**
   * Writes {@code config.json}, {@code model.safetensors} and copies of other files.
   *
   * @param checkpoint its folder; verified first
   * @param folder made if missing; must not hold a model
   * @param dtype {@link DType#F32} (exact) or {@link DType#BF16} (rounded to nearest even)
   * @param companions files to copy, such as the tokenizer's, each under its own name
   * @return what Hugging Face classes would compute differently, one line each for the user
   * @throws CheckpointException if the checkpoint is damaged
   * @throws Invalid if the folder holds a model, or Hugging Face has no class for the model
   */
  public static List<String> export(
      Path checkpoint, Path folder, DType dtype, List<Path> companions) throws IOException {
    if (dtype != DType.F32 && dtype != DType.BF16) {
      throw new IllegalArgumentException("weights are exported as F32 or BF16, not " + dtype);
    }
    requireNoModel(folder, companions);
    Manifest manifest = CheckpointStore.verify(checkpoint);
    String config = HfConfigWriter.write(manifest.model(), config(manifest, dtype));
    Files.createDirectories(folder);
    List<Path> finished = new ArrayList<>(); // in the order in which they get their names
    try {
      for (Path companion : companions) {
        finished.add(folder.resolve(name(companion)));
        Path copy = DurableFiles.unfinished(finished.getLast());
        Files.copy(companion, copy, StandardCopyOption.REPLACE_EXISTING);
        DurableFiles.sync(copy);
      }
      finished.add(folder.resolve(WEIGHTS));
      Path weights = DurableFiles.unfinished(finished.getLast());
      Files.deleteIfExists(weights);
      try (CheckpointReader reader = CheckpointReader.open(checkpoint)) {
        writeWeights(reader, manifest.model().tensors(), dtype, weights);
      }
      finished.add(folder.resolve(CONFIG));
      DurableFiles.write(DurableFiles.unfinished(finished.getLast()), config);
      requireNoModel(folder, companions);
      for (Path file : finished) {
        Files.move(DurableFiles.unfinished(file), file, StandardCopyOption.ATOMIC_MOVE);
      }
      DurableFiles.syncFolder(folder);
    } finally {
      for (Path file : finished) {
        Files.deleteIfExists(DurableFiles.unfinished(file));
      }
    }
    return HfConfigWriter.warnings(manifest.model());
  }

  /**
   * Another model's weights beside these would be loaded in their place, by one program or another.
   *
   * @throws Invalid naming a file of a model that the folder holds
   */
  private static void requireNoModel(Path folder, List<Path> companions) throws IOException {
    if (!Files.isDirectory(folder)) {
      return;
    }
    List<String> ours = companions.stream().map(HuggingFaceExport::name).toList();
    try (var files = Files.list(folder)) {
      Optional<String> held =
          files
              .map(HuggingFaceExport::name)
              .filter(name -> MODEL.matcher(name).matches() || ours.contains(name))
              .min(Comparator.naturalOrder());
      if (held.isPresent()) {
        throw new Invalid(
            folder.toString(), "holds " + held.get() + " already; export into another folder");
      }
    }
  }

  private static String name(Path file) {
    return String.valueOf(file.getFileName());
  }

  /** The keys that describe no layer: those of the model it started from, or none. */
  private static ObjectNode config(Manifest manifest, DType dtype) {
    JsonMapper json = JsonMapper.shared();
    ObjectNode config =
        manifest.sourceConfig().isEmpty()
            ? json.createObjectNode()
            : (ObjectNode) json.readTree(manifest.sourceConfig());
    config.remove("dtype"); // the newer name of the same key
    config.put("torch_dtype", dtype == DType.F32 ? "float32" : "bfloat16");
    String length = manifest.identity().arithmetic().get(SEQUENCE_LENGTH);
    if (length != null) {
      int trained = Integer.parseInt(length);
      config.put(POSITIONS, Math.max(trained, config.path(POSITIONS).asInt(0)));
    }
    for (String id : List.of("bos_token_id", "eos_token_id")) {
      if (!config.has(id)) {
        config.putNull(id); // the class's own defaults, 1 and 2, are bytes of text
      }
    }
    return config;
  }

  private static void writeWeights(
      CheckpointReader reader, List<TensorSpec> parameters, DType dtype, Path file)
      throws IOException {
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    for (TensorSpec parameter : parameters) {
      entries.add(
          new SafetensorsWriter.Entry(
              HfNames.of(parameter.name()), dtype.safetensorsName(), parameter.shape()));
    }
    try (Arena arena = Arena.ofConfined();
        SafetensorsWriter writer =
            SafetensorsWriter.create(file, entries, Map.of("format", "pt"))) {
      MemorySegment values = arena.allocate(CHUNK * Float.BYTES, Float.BYTES);
      for (TensorSpec parameter : parameters) {
        String name = HfNames.of(parameter.name());
        for (long from = 0; from < parameter.elements(); from += CHUNK) {
          long count = Math.min(CHUNK, parameter.elements() - from);
          readRun(reader, parameter, from, count, values);
          if (dtype == DType.BF16) {
            roundInPlace(values, count);
          }
          MemorySegment bytes = values.asSlice(0, count * dtype.bytes());
          writer.write(name, from * dtype.bytes(), bytes);
        }
      }
      writer.channel().force(true);
    }
  }

  private static void readRun(
      CheckpointReader reader, TensorSpec parameter, long from, long count, MemorySegment values)
      throws IOException {
    long at = 0;
    for (TensorBox box : TensorBox.ofRun(parameter.shape(), from, count)) {
      reader.read(parameter, StateKind.WEIGHT, box, values.asSlice(at * Float.BYTES));
      at += box.elements();
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
