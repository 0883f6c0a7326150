package dev.gyre.trainer.checkpoint;

import dev.gyre.kernels.BFloat16;
import dev.gyre.kernels.DType;
import dev.gyre.model.hf.HfConfig;
import dev.gyre.model.hf.TensorMap;
import dev.gyre.model.hf.TensorMap.FileTensor;
import dev.gyre.model.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The weights of an exported folder: one file, or shards that each hold whole tensors. */
final class ExportedWeights {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  /** Elements converted at a time. */
  private static final long CHUNK = 1 << 20;

  private final HfConfig config;
  private final TensorMap map;
  private final DType dtype;
  private final List<List<FileTensor>> shards = new ArrayList<>();

  /**
   * @param config of the exported folder
   * @param dtype F32 or BF16
   * @param shardBytes most bytes of a shard, unless one tensor has more
   */
  ExportedWeights(HfConfig config, DType dtype, long shardBytes) {
    this.config = config;
    this.map = config.tensors();
    this.dtype = dtype;
    long bytes = 0;
    for (FileTensor tensor : map.files()) {
      long size = bytes(tensor);
      if (shards.isEmpty() || bytes > shardBytes - size) {
        shards.add(new ArrayList<>());
        bytes = 0;
      }
      shards.getLast().add(tensor);
      bytes += size;
    }
  }

  private DType dtype(FileTensor tensor) {
    return config.keepsF32(tensor.name()) ? DType.F32 : dtype;
  }

  private long bytes(FileTensor tensor) {
    return tensor.elements() * dtype(tensor).bytes();
  }

  /** Number of files. */
  int shards() {
    return shards.size();
  }

  /** The name of a file. */
  String name(int shard) {
    return shards() == 1
        ? "model.safetensors"
        : "model-%05d-of-%05d.safetensors".formatted(shard + 1, shards());
  }

  /** The text of the file that says which shard holds a tensor. */
  String index() {
    ObjectNode shardOf = JSON.createObjectNode();
    long bytes = 0;
    for (int i = 0; i < shards(); i++) {
      for (FileTensor tensor : shards.get(i)) {
        bytes += bytes(tensor);
        shardOf.put(tensor.name(), name(i));
      }
    }
    ObjectNode index = JSON.createObjectNode();
    index.putObject("metadata").put("total_size", bytes);
    index.set("weight_map", shardOf);
    return JSON.writeValueAsString(index) + "\n";
  }

  /**
   * Writes a file and syncs it to disk.
   *
   * @param file must not exist
   */
  void write(int shard, CheckpointReader reader, Path file) throws IOException {
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    long most = 1;
    for (FileTensor tensor : shards.get(shard)) {
      entries.add(
          new SafetensorsWriter.Entry(
              tensor.name(), dtype(tensor).safetensorsName(), tensor.shape()));
      most = Math.max(most, rowsAtOnce(tensor) * tensor.rowElements());
    }
    try (Arena arena = Arena.ofConfined();
        SafetensorsWriter writer =
            SafetensorsWriter.create(file, entries, Map.of("format", "pt"))) {
      MemorySegment values = arena.allocate(most * Float.BYTES, Float.BYTES);
      MemorySegment scratch = arena.allocate(most * Float.BYTES, Float.BYTES);
      for (FileTensor tensor : shards.get(shard)) {
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
          write(
              writer,
              tensor,
              from * tensor.rowElements(),
              (end - from) * tensor.rowElements(),
              values);
        }
      }
      writer.channel().force(true);
    }
  }

  private void write(
      SafetensorsWriter writer, FileTensor tensor, long from, long count, MemorySegment values)
      throws IOException {
    DType as = dtype(tensor);
    if (as == DType.BF16) {
      roundInPlace(values, count);
    }
    writer.write(tensor.name(), from * as.bytes(), values.asSlice(0, count * as.bytes()));
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
