package dev.gyre.model.hf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gyre.model.hf.TensorMap.FileTensor;
import dev.gyre.model.safetensors.SafetensorsReader;
import dev.gyre.model.safetensors.SafetensorsWriter;
import dev.gyre.partitioning.model.Initialiser;
import dev.gyre.partitioning.model.TensorBox;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.partitioning.model.TensorSpec.Precision;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every box of ours and all rows of a file's tensors, against lists of their elements. */
final class TensorMapTest {
  @TempDir Path folder;

  private final TensorMap map = new TensorMap();
  private final Map<TensorSpec, float[]> ours = new LinkedHashMap<>();
  private final Map<String, float[]> files = new LinkedHashMap<>();
  private float next;

  /** One of our tensors; every element has a value of its own. */
  private TensorSpec tensor(String name, long... shape) {
    TensorSpec spec =
        new TensorSpec(name, shape, Precision.COMPUTE, 0, -1, true, new Initialiser.Zeros());
    float[] values = new float[(int) spec.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = ++next;
    }
    ours.put(spec, values);
    return spec;
  }

  private float[] file(String name, int elements) {
    return files.computeIfAbsent(name, _ -> new float[elements]);
  }

  @Test
  void whole() throws IOException {
    for (long[] shape : new long[][] {{1}, {7}, {5, 7}, {1, 3}, {3, 1}, {1, 1}}) {
      String name = "w" + Arrays.toString(shape);
      TensorSpec spec = tensor(name, shape);
      map.whole(spec, "file." + name);
      files.put("file." + name, values(spec));
    }
    check();
    assertEquals(List.of("file.w[5, 7]"), map.filesOf("w[5, 7]"));
    assertThrows(IllegalArgumentException.class, () -> map.filesOf("other"));
  }

  /** The rotated rows of two heads, 3 plain and 2 · 2 rotated each, in turn in the file. */
  @Test
  void rowsInTurn() throws IOException {
    for (int columns : new int[] {1, 5}) {
      TensorSpec spec = tensor("query" + columns, 14, columns);
      FileTensor of = new FileTensor("file" + columns, 14, columns);
      float[] file = file(of.name(), 14 * columns);
      for (int head = 0; head < 2; head++) {
        int first = 7 * head;
        map.rows(spec, of, first, 3, first, 1);
        map.rows(spec, of, first + 3, 2, first + 3, 2);
        map.rows(spec, of, first + 5, 2, first + 4, 2);
        map.rows(spec, of, first, 0, first, 1); // nothing
        int[] from = {0, 1, 2, 3, 5, 4, 6};
        for (int row = 0; row < from.length; row++) {
          for (int c = 0; c < columns; c++) {
            file[(first + row) * columns + c] = values(spec)[(first + from[row]) * columns + c];
          }
        }
      }
      assertEquals(List.of(of.name()), map.filesOf(spec.name()));
    }
    check();
  }

  /** Experts in one tensor, transposed, gate and up element by element in turn. */
  @Test
  void transposedAndInTurn() throws IOException {
    for (int[] sizes : new int[][] {{3, 5, 3}, {2, 1, 4}, {1, 3, 1}, {2, 1, 1}}) {
      experts(sizes[0], sizes[1], sizes[2]);
    }
    check();
  }

  private void experts(int experts, int d, int f) {
    String size = Arrays.toString(new int[] {experts, d, f});
    FileTensor both = new FileTensor("gate_up" + size, experts, d, 2L * f);
    FileTensor downs = new FileTensor("down" + size, experts, f, d);
    FileTensor biases = new FileTensor("bias" + size, experts, 2L * f);
    for (int e = 0; e < experts; e++) {
      for (int up = 0; up < 2; up++) {
        TensorSpec matrix = tensor("half" + up + e + size, f, d);
        TensorSpec bias = tensor("bias" + up + e + size, f);
        map.strided(matrix, both, (long) e * d * 2 * f + up, 2, 2L * f);
        map.strided(bias, biases, (long) e * 2 * f + up, 2);
        for (int i = 0; i < f; i++) {
          file(biases.name(), experts * 2 * f)[e * 2 * f + 2 * i + up] = values(bias)[i];
          for (int j = 0; j < d; j++) {
            file(both.name(), experts * d * 2 * f)[(e * d + j) * 2 * f + 2 * i + up] =
                values(matrix)[i * d + j];
          }
        }
      }
      TensorSpec down = tensor("down" + e + size, d, f);
      map.strided(down, downs, (long) e * f * d, 1, d);
      for (int j = 0; j < d; j++) {
        for (int i = 0; i < f; i++) {
          file(downs.name(), experts * f * d)[(e * f + i) * d + j] = values(down)[j * f + i];
        }
      }
    }
  }

  private float[] values(TensorSpec spec) {
    return ours.getOrDefault(spec, new float[0]);
  }

  private void check() throws IOException {
    Path path = folder.resolve("model.safetensors");
    write(path);
    try (SafetensorsReader reader = SafetensorsReader.open(path)) {
      for (TensorSpec spec : ours.keySet()) {
        for (TensorBox box : boxes(spec)) {
          MemorySegment to = segment(box.elements());
          map.read(spec, box, "prefix.", _ -> reader, to);
          assertArrayEquals(
              values(spec, box), to.toArray(ValueLayout.JAVA_FLOAT), spec + " " + box);
        }
      }
    }
    for (FileTensor tensor : map.files()) {
      for (long from = 0; from < tensor.shape()[0]; from++) {
        for (long end = from + 1; end <= tensor.shape()[0]; end++) {
          checkFill(tensor, from, end);
        }
      }
    }
  }

  private void checkFill(FileTensor tensor, long from, long end) throws IOException {
    long count = (end - from) * tensor.rowElements();
    MemorySegment rows = segment(count);
    rows.fill((byte) 0xFF); // NaN
    map.fill(
        tensor,
        from,
        end,
        (spec, box, to) -> {
          float[] of = values(spec, box);
          MemorySegment.copy(of, 0, to, ValueLayout.JAVA_FLOAT, 0, of.length);
        },
        rows,
        segment(count));
    int start = (int) (from * tensor.rowElements());
    assertArrayEquals(
        Arrays.copyOfRange(file(tensor.name(), 0), start, start + (int) count),
        rows.toArray(ValueLayout.JAVA_FLOAT),
        tensor + " " + from + " to " + end);
  }

  private void write(Path path) throws IOException {
    assertEquals(
        files.keySet().stream().sorted().toList(),
        map.files().stream().map(FileTensor::name).sorted().toList());
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    for (FileTensor tensor : map.files()) {
      entries.add(new SafetensorsWriter.Entry("prefix." + tensor.name(), "F32", tensor.shape()));
    }
    try (SafetensorsWriter writer = SafetensorsWriter.create(path, entries, Map.of())) {
      for (FileTensor tensor : map.files()) {
        float[] values = file(tensor.name(), 0);
        assertEquals(tensor.elements(), values.length);
        MemorySegment bytes = segment(values.length);
        MemorySegment.copy(values, 0, bytes, ValueLayout.JAVA_FLOAT, 0, values.length);
        writer.write("prefix." + tensor.name(), 0, bytes);
      }
    }
  }

  /** The values of a box, in its order. */
  private float[] values(TensorSpec spec, TensorBox box) {
    float[] part = new float[(int) box.elements()];
    box.forEachRun(
        spec.shape(),
        (from, count, at) ->
            System.arraycopy(values(spec), (int) from, part, (int) at, (int) count));
    return part;
  }

  private static List<TensorBox> boxes(TensorSpec spec) {
    List<TensorBox> boxes = new ArrayList<>();
    add(boxes, spec.shape(), 0, new long[spec.shape().length], new long[spec.shape().length]);
    return boxes;
  }

  private static void add(
      List<TensorBox> boxes, long[] shape, int dim, long[] offsets, long[] extents) {
    if (dim == shape.length) {
      boxes.add(new TensorBox(offsets, extents));
      return;
    }
    for (offsets[dim] = 0; offsets[dim] < shape[dim]; offsets[dim]++) {
      for (extents[dim] = 1; offsets[dim] + extents[dim] <= shape[dim]; extents[dim]++) {
        add(boxes, shape, dim + 1, offsets, extents);
      }
    }
  }

  private static MemorySegment segment(long elements) {
    return Arena.ofAuto().allocate(ValueLayout.JAVA_FLOAT, elements);
  }
}
