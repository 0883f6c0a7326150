package dev.gyre.model;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.hf.HfConfig;
import dev.gyre.model.hf.TensorMap;
import dev.gyre.model.safetensors.SafetensorsReader;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.model.TensorSpec;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** One golden folder: B rows of T tokens each, and the expected results. */
final class GoldenCase implements AutoCloseable {
  static final List<String> NAMES =
      List.of("plain", "packed", "window", "balanced", "wide", "batch");

  final Path folder;
  final HfConfig config;
  final SafetensorsReader expected;
  private final TensorMap map;
  final List<Row> rows = new ArrayList<>();

  /** One row: its documents and tensors' contents. */
  record Row(Documents documents, int[] tokens, int[] labels, int[] positions) {}

  GoldenCase(String name) throws IOException {
    folder = Path.of(System.getProperty("gyre.golden.dir"), name);
    config = HfConfig.read(folder.resolve("config.json"));
    map = config.tensors();
    expected = SafetensorsReader.open(folder.resolve("expected.safetensors"));
    try (SafetensorsReader batch = SafetensorsReader.open(folder.resolve("batch.safetensors"))) {
      long[] shape = batch.info("input_ids").shape();
      int count = shape.length == 2 ? Math.toIntExact(shape[0]) : 1;
      for (int b = 0; b < count; b++) {
        long[] ids = part(batch, "document_ids", b, count);
        rows.add(
            new Row(
                documents(ids),
                ints(part(batch, "input_ids", b, count)),
                ints(part(batch, "labels", b, count)),
                ints(part(batch, "position_ids", b, count))));
      }
    }
  }

  private static long[] part(SafetensorsReader batch, String name, int row, int rows) {
    long[] all = batch.readLongs(name);
    int length = all.length / rows;
    return Arrays.copyOfRange(all, row * length, (row + 1) * length);
  }

  private static Documents documents(long[] ids) {
    List<Integer> lengths = new ArrayList<>();
    for (int i = 0, start = 0; i < ids.length; i++) {
      if (i + 1 == ids.length || ids[i + 1] != ids[i]) {
        lengths.add(i + 1 - start);
        start = i + 1;
      }
    }
    return new Documents(lengths.stream().mapToInt(Integer::intValue).toArray());
  }

  private static int[] ints(long[] values) {
    int[] out = new int[values.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = Math.toIntExact(values[i]);
    }
    return out;
  }

  int tokensPerRow() {
    return rows.getFirst().tokens().length;
  }

  MicroBatch microBatch(int row, Arena arena) {
    long labelled =
        rows.stream().flatMapToInt(r -> Arrays.stream(r.labels())).filter(l -> l >= 0).count();
    Row r = rows.get(row);
    return new MicroBatch(
        tensor(r.tokens(), arena),
        tensor(r.labels(), arena),
        tensor(r.positions(), arena),
        tokensPerRow(),
        labelled,
        rows.size(),
        (long) rows.size() * tokensPerRow());
  }

  static Tensor tensor(int[] values, Arena arena) {
    MemorySegment segment = arena.allocate(Math.max(64, values.length * 4L), 64);
    MemorySegment.copy(values, 0, segment, ValueLayout.JAVA_INT, 0, values.length);
    return new Tensor(segment.address(), DType.I32, values.length);
  }

  /** A whole float tensor of the expected file. */
  float[] floats(String name) {
    int n = Math.toIntExact(expected.info(name).elements());
    MemorySegment to = MemorySegment.ofArray(new float[n]);
    expected.readF32(name, 0, n, to);
    return to.toArray(ValueLayout.JAVA_FLOAT);
  }

  /** The expected gradient of one of our tensors. */
  float[] gradient(TensorSpec ours) {
    float[] values = new float[Math.toIntExact(ours.elements())];
    map.read(ours, ours.whole(), "grad.", _ -> expected, MemorySegment.ofArray(values));
    return values;
  }

  @Override
  public void close() {
    expected.close();
  }
}
