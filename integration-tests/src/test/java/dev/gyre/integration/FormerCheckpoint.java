package dev.gyre.integration;

import dev.gyre.model.hf.HfNames;
import dev.gyre.model.safetensors.SafetensorsWriter;
import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.trainer.checkpoint.CheckpointReader;
import dev.gyre.trainer.checkpoint.FileEntry;
import dev.gyre.trainer.checkpoint.Manifest;
import dev.gyre.trainer.checkpoint.StateKind;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Rewrites a checkpoint of a {@link Workplace} with its default model as earlier builds wrote it: a
 * slice is a run of elements, {@code gyre-checkpoint-1}. In manifests of format 1 the model is flat
 * and tensors have their Hugging Face names; in manifests of format 2 both are as now.
 */
final class FormerCheckpoint {
  /** Runs of three ranks begin and end inside of rows. */
  private static final int RANKS = 3;

  private static final int FLAT_MODEL = 1;

  /** The model of {@link Workplace}. */
  private static final String MODEL =
      """
      {"modelType": "mixtral", "vocabSize": 256, "hiddenSize": 32, "numHiddenLayers": 2,
       "numAttentionHeads": 4, "numKeyValueHeads": 2, "headDim": 8, "intermediateSize": 48,
       "numLocalExperts": 4, "numExpertsPerTok": 2, "rmsNormEps": 1.0E-5, "ropeTheta": 10000.0,
       "tieWordEmbeddings": false,
       "attention": {"layers": [], "window": 0, "sinks": 0, "anchor": false, "prefix": 0},
       "mlpOnlyLayers": [0], "initializerRange": 0.0}
      """;

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private record Slice(String name, MemorySegment values) {}

  private final Path folder;
  private final int format;

  private FormerCheckpoint(Path folder, int format) {
    this.folder = folder;
    this.format = format;
  }

  /**
   * @param format of the manifest, 1 or 2
   */
  static void rewrite(Path folder, int format) throws Exception {
    FormerCheckpoint former = new FormerCheckpoint(folder, format);
    Manifest manifest = Manifest.read(folder);
    List<FileEntry> files;
    try (Arena arena = Arena.ofConfined()) {
      List<List<Slice>> slices = former.slices(arena);
      for (FileEntry file : manifest.files()) {
        Files.delete(folder.resolve(file.name()));
      }
      files = former.writeFiles(slices, manifest.model().tensors());
    }
    String json = manifest.withFiles(files).toJson();
    Files.writeString(
        folder.resolve(Manifest.FILE), format == FLAT_MODEL ? withFlatModel(json) : json);
  }

  private String name(TensorSpec spec) {
    return format == FLAT_MODEL ? HfNames.former(spec.name()) : spec.name();
  }

  /** The slices of each rank. */
  private List<List<Slice>> slices(Arena arena) throws IOException {
    List<List<Slice>> slices = new ArrayList<>();
    for (int rank = 0; rank < RANKS; rank++) {
      slices.add(new ArrayList<>());
    }
    try (CheckpointReader reader = CheckpointReader.open(folder)) {
      for (TensorSpec spec : reader.manifest().model().tensors()) {
        for (StateKind kind : StateKind.values()) {
          MemorySegment whole = arena.allocate(ValueLayout.JAVA_FLOAT, spec.elements());
          reader.read(spec, kind, spec.whole(), whole);
          for (int rank = 0; rank < RANKS; rank++) {
            long from = EvenCut.start(spec.elements(), RANKS, rank);
            long count = EvenCut.count(spec.elements(), RANKS, rank);
            slices
                .get(rank)
                .add(
                    new Slice(
                        name(spec) + ":" + kind.key() + ":" + from,
                        whole.asSlice(from * Float.BYTES, count * Float.BYTES)));
          }
        }
      }
    }
    return slices;
  }

  private List<FileEntry> writeFiles(List<List<Slice>> slices, List<TensorSpec> specs)
      throws Exception {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("format", "gyre-checkpoint-1");
    for (TensorSpec spec : specs) {
      metadata.put(
          name(spec),
          Arrays.stream(spec.shape()).mapToObj(Long::toString).collect(Collectors.joining("x")));
    }
    List<FileEntry> files = new ArrayList<>();
    for (int rank = 0; rank < RANKS; rank++) {
      Path file = folder.resolve("rank-0000" + rank + ".safetensors");
      List<SafetensorsWriter.Entry> entries = new ArrayList<>();
      for (Slice slice : slices.get(rank)) {
        long count = slice.values.byteSize() / Float.BYTES;
        entries.add(new SafetensorsWriter.Entry(slice.name, "F32", count));
      }
      try (SafetensorsWriter writer = SafetensorsWriter.create(file, entries, metadata)) {
        for (Slice slice : slices.get(rank)) {
          writer.write(slice.name, 0, slice.values);
        }
      }
      byte[] written = Files.readAllBytes(file);
      files.add(new FileEntry(String.valueOf(file.getFileName()), written.length, sha256(written)));
    }
    return files;
  }

  private static String withFlatModel(String json) throws Exception {
    ObjectNode tree = (ObjectNode) JSON.readTree(json);
    tree.put("format", FLAT_MODEL).put("check", "").set("model", JSON.readTree(MODEL));
    return JSON.writeValueAsString(tree.put("check", sha256(JSON.writeValueAsBytes(tree))));
  }

  private static String sha256(byte[] bytes) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }
}
