package dev.gyre.trainer.checkpoint;

import dev.gyre.kernels.BFloat16;
import dev.gyre.kernels.DType;
import dev.gyre.model.hf.HfConfig;
import dev.gyre.model.hf.HfConfigWriter;
import dev.gyre.model.hf.TensorMap;
import dev.gyre.model.hf.TensorMap.FileTensor;
import dev.gyre.model.safetensors.SafetensorsWriter;
import dev.gyre.partitioning.check.Invalid;
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
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Exports a checkpoint's weights as a Hugging Face model folder. All files are written and synced
 * under temporary names; {@code config.json} gets its name last. An export that was interrupted
 * leaves no folder that loads, and never a mix of two models.
 */
public final class HuggingFaceExport {
  /** Most bytes of a file of weights, unless told. */
  public static final long SHARD_BYTES = 5_000_000_000L;

  private static final String WEIGHTS = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final String CONFIG = "config.json";

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

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
   * Writes {@code config.json}, the weights and copies of other files.
   *
   * @param checkpoint its folder; verified first
   * @param folder made if missing; must not hold a model
   * @param dtype {@link DType#F32} (exact) or {@link DType#BF16} (rounded to nearest even)
   * @param shardBytes most bytes of a file of weights, unless one tensor has more; weights that do
   *     not fit in one file are written as several, with their index
   * @param companions files to copy, such as the tokenizer's, each under its own name
   * @return what Hugging Face classes would compute differently, one line each for the user
   * @throws CheckpointException if the checkpoint is damaged
   * @throws Invalid if the folder holds a model, or Hugging Face has no class for the model
   */
  public static List<String> export(
      Path checkpoint, Path folder, DType dtype, long shardBytes, List<Path> companions)
      throws IOException {
    if (dtype != DType.F32 && dtype != DType.BF16) {
      throw new IllegalArgumentException("weights are exported as F32 or BF16, not " + dtype);
    }
    requireNoModel(folder, companions);
    Manifest manifest = CheckpointStore.verify(checkpoint);
    ObjectNode source = config(manifest, dtype);
    String config = HfConfigWriter.write(manifest.model(), source);
    TensorMap map = HfConfig.parse((ObjectNode) JSON.readTree(config)).tensors();
    List<List<FileTensor>> shards = shards(map, dtype, shardBytes);
    Files.createDirectories(folder);
    List<Path> finished = new ArrayList<>(); // in the order in which they get their names
    try {
      for (Path companion : companions) {
        finished.add(folder.resolve(name(companion)));
        Path copy = DurableFiles.unfinished(finished.getLast());
        Files.copy(companion, copy, StandardCopyOption.REPLACE_EXISTING);
        DurableFiles.sync(copy);
      }
      try (CheckpointReader reader = CheckpointReader.open(checkpoint)) {
        for (int i = 0; i < shards.size(); i++) {
          finished.add(folder.resolve(shardName(i, shards.size())));
          Path weights = DurableFiles.unfinished(finished.getLast());
          Files.deleteIfExists(weights);
          writeWeights(reader, map, shards.get(i), dtype, weights);
        }
      }
      if (shards.size() > 1) {
        finished.add(folder.resolve(INDEX));
        DurableFiles.write(DurableFiles.unfinished(finished.getLast()), index(shards, dtype));
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
    return HfConfigWriter.warnings(manifest.model(), source);
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
    JsonMapper json = JSON;
    ObjectNode config =
        manifest.sourceConfig().isEmpty()
            ? json.createObjectNode()
            : (ObjectNode) json.readTree(manifest.sourceConfig());
    String name = dtype == DType.F32 ? "float32" : "bfloat16";
    if (config.has("dtype")) { // the name of the same key since transformers 4.56
      config.remove("torch_dtype");
      config.put("dtype", name);
    } else {
      config.put("torch_dtype", name);
    }
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

  /** The files of the weights: one, or shards that each hold whole tensors. */
  private static List<List<FileTensor>> shards(TensorMap map, DType dtype, long shardBytes) {
    List<List<FileTensor>> shards = new ArrayList<>();
    long bytes = Long.MAX_VALUE;
    for (FileTensor tensor : map.files()) {
      long size = tensor.elements() * dtype.bytes();
      if (bytes > shardBytes - size) {
        shards.add(new ArrayList<>());
        bytes = 0;
      }
      shards.getLast().add(tensor);
      bytes += size;
    }
    return shards;
  }

  private static String shardName(int number, int count) {
    return count == 1 ? WEIGHTS : "model-%05d-of-%05d.safetensors".formatted(number + 1, count);
  }

  private static String index(List<List<FileTensor>> shards, DType dtype) {
    ObjectNode index = JsonMapper.shared().createObjectNode();
    long bytes = 0;
    ObjectNode shardOf = JsonMapper.shared().createObjectNode();
    for (int i = 0; i < shards.size(); i++) {
      for (FileTensor tensor : shards.get(i)) {
        bytes += tensor.elements() * dtype.bytes();
        shardOf.put(tensor.name(), shardName(i, shards.size()));
      }
    }
    index.putObject("metadata").put("total_size", bytes);
    index.set("weight_map", shardOf);
    return JSON.writeValueAsString(index) + "\n";
  }

  private static void writeWeights(
      CheckpointReader reader, TensorMap map, List<FileTensor> tensors, DType dtype, Path file)
      throws IOException {
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    long most = 1;
    for (FileTensor tensor : tensors) {
      entries.add(
          new SafetensorsWriter.Entry(tensor.name(), dtype.safetensorsName(), tensor.shape()));
      most = Math.max(most, rowsAtOnce(tensor) * tensor.rowElements());
    }
    try (Arena arena = Arena.ofConfined();
        SafetensorsWriter writer =
            SafetensorsWriter.create(file, entries, Map.of("format", "pt"))) {
      MemorySegment values = arena.allocate(most * Float.BYTES, Float.BYTES);
      MemorySegment scratch = arena.allocate(most * Float.BYTES, Float.BYTES);
      for (FileTensor tensor : tensors) {
        long rows = tensor.shape()[0];
        for (long from = 0; from < rows; from += rowsAtOnce(tensor)) {
          long end = Math.min(rows, from + rowsAtOnce(tensor));
          map.fill(
              tensor,
              from,
              end,
              (ours, box, to) -> reader.read(ours, StateKind.WEIGHT, box, to),
              values,
              scratch);
          long count = (end - from) * tensor.rowElements();
          if (dtype == DType.BF16) {
            roundInPlace(values, count);
          }
          writer.write(
              tensor.name(),
              from * tensor.rowElements() * dtype.bytes(),
              values.asSlice(0, count * dtype.bytes()));
        }
      }
      writer.channel().force(true);
    }
  }

  private static long rowsAtOnce(FileTensor tensor) {
    return Math.max(1, CHUNK / tensor.rowElements());
  }

  /** Element i is read at 4i and written at 2i, which has been read already. */
  private static void roundInPlace(MemorySegment values, long count) {
    for (long i = 0; i < count; i++) {
      float value = values.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      values.setAtIndex(ValueLayout.JAVA_SHORT, i, BFloat16.fromFloat(value));
    }
  }
}
