package dev.gyre.trainer.checkpoint;

import dev.gyre.kernels.DType;
import dev.gyre.model.hf.HfConfig;
import dev.gyre.model.hf.HfConfigWriter;
import dev.gyre.partitioning.check.Invalid;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
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
  /** Most bytes of a file of weights, unless told. */
  public static final long SHARD_BYTES = 5_000_000_000L;

  private static final String INDEX = "model.safetensors.index.json";
  private static final String CONFIG = "config.json";

  /** Files of which a folder with a model has one or more. */
  private static final Pattern MODEL =
      Pattern.compile(
          "config\\.json|.*\\.safetensors|.*\\.safetensors\\.index\\.json|pytorch_model.*|.*\\.gguf");

  /** The manifest key of the trained sequence length. */
  private static final String SEQUENCE_LENGTH = "train.sequence-length";

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
    HfConfig config =
        HfConfigWriter.config(manifest.model(), source(manifest, dtype), longestRow(manifest));
    ExportedWeights weights = new ExportedWeights(config, dtype, shardBytes);
    Files.createDirectories(folder);
    List<Path> finished = new ArrayList<>(); // in the order in which they get their names
    try {
      for (Path companion : companions) {
        finished.add(folder.resolve(name(companion)));
        DurableFiles.copySynced(companion, DurableFiles.unfinished(finished.getLast()));
      }
      try (CheckpointReader reader = CheckpointReader.open(checkpoint)) {
        for (int shard = 0; shard < weights.shards(); shard++) {
          finished.add(folder.resolve(weights.name(shard)));
          Path unfinished = DurableFiles.unfinished(finished.getLast());
          Files.deleteIfExists(unfinished);
          weights.write(shard, reader, unfinished);
        }
      }
      if (weights.shards() > 1) {
        finished.add(folder.resolve(INDEX));
        DurableFiles.write(DurableFiles.unfinished(finished.getLast()), weights.index());
      }
      finished.add(folder.resolve(CONFIG));
      DurableFiles.write(DurableFiles.unfinished(finished.getLast()), config.text());
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
    return HfConfigWriter.warnings(config);
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

  /** Tokens of the longest row that the model was trained on; 0 if the checkpoint does not say. */
  private static int longestRow(Manifest manifest) {
    return Integer.parseInt(manifest.identity().arithmetic().getOrDefault(SEQUENCE_LENGTH, "0"));
  }

  /** The keys that describe no layer: those of the model it started from, or none. */
  private static ObjectNode source(Manifest manifest, DType dtype) {
    ObjectNode config =
        manifest.sourceConfig().isEmpty()
            ? JsonMapper.shared().createObjectNode()
            : (ObjectNode) JsonMapper.shared().readTree(manifest.sourceConfig());
    String name = dtype == DType.F32 ? "float32" : "bfloat16";
    if (config.has("dtype")) { // the name of the same key since transformers 4.56
      config.remove("torch_dtype");
      config.put("dtype", name);
    } else {
      config.put("torch_dtype", name);
    }
    config.remove("auto_map"); // the code that it names is not exported
    for (String id : List.of("bos_token_id", "eos_token_id")) {
      if (!config.has(id)) {
        config.putNull(id); // the class's own defaults, 1 and 2, are bytes of text
      }
    }
    return config;
  }
}
