package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.model.safetensors.SafetensorsWriter;
import dev.gyre.partitioning.model.TensorBox;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of ranks, entry by entry. In these, element i of a tensor has the value i. */
final class SliceIndexTest {
  @TempDir Path folder;

  /** An entry of values {@code first}, {@code first + 1}, … */
  private record Part(String name, float first, long... shape) {}

  private FileEntry file(int rank, String format, String shape, Part... parts) throws IOException {
    Path file = folder.resolve(ShardWriter.fileName(rank));
    Files.deleteIfExists(file);
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    for (Part part : parts) {
      entries.add(new SafetensorsWriter.Entry(part.name, "F32", part.shape));
    }
    Map<String, String> metadata = Map.of(ShardWriter.FORMAT_KEY, format, "p", shape);
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, entries, metadata);
        Arena arena = Arena.ofConfined()) {
      for (Part part : parts) {
        long count = Shapes.elements(part.shape);
        MemorySegment values = arena.allocate(ValueLayout.JAVA_FLOAT, count);
        for (long i = 0; i < count; i++) {
          values.setAtIndex(ValueLayout.JAVA_FLOAT, i, part.first + i);
        }
        writer.write(part.name, 0, values);
      }
    }
    return new FileEntry(ShardWriter.fileName(rank), Files.size(file), "");
  }

  private SliceIndex open(FileEntry... files) throws IOException {
    return SliceIndex.open(folder, List.of(files));
  }

  private static float[] read(SliceIndex index, TensorBox box) {
    float[] values = new float[(int) box.elements()];
    index.read("p", StateKind.WEIGHT, box, MemorySegment.ofArray(values));
    return values;
  }

  /** A run is up to three boxes, all in one entry. */
  @Test
  void runsOfTheFormerFormatAreRead() throws IOException {
    String former = ShardWriter.RUNS_FORMAT;
    FileEntry zero = file(0, former, "4x5", new Part("p:weight:0", 0, 3));
    FileEntry one = file(1, former, "4x5", new Part("p:weight:3", 3, 14));
    FileEntry two = file(2, former, "4x5", new Part("p:weight:17", 17, 3));
    try (SliceIndex index = open(two, zero, one)) {
      float[] whole = read(index, TensorBox.whole(4, 5));
      for (int i = 0; i < 20; i++) {
        assertEquals(i, whole[i]);
      }
      TensorBox columns = new TensorBox(new long[] {0, 2}, new long[] {4, 2});
      assertArrayEquals(new float[] {2, 3, 7, 8, 12, 13, 17, 18}, read(index, columns));
    }
    refused("elements [0:1, 0:3] of p (weight) are missing", one, two);
    FileEntry more = file(0, former, "4x5", new Part("p:weight:0", 0, 4));
    refused(
        "elements [0:1, 3:4] of p (weight) are stored twice: in [0:1, 0:4] of"
            + " rank-00000.safetensors and in [0:1, 3:5] of rank-00001.safetensors",
        more,
        one,
        two);
    FileEntry behind = file(2, former, "4x5", new Part("p:weight:17", 17, 4));
    refused(
        "rank-00002.safetensors: elements [17, 21) of p (weight) are not inside its shape [4, 5]",
        behind);
    FileEntry pair = file(0, former, "4x5", new Part("p:weight:0,0", 0, 3));
    refused("p:weight:0,0 F32[3] has no first element", pair);
  }

  @Test
  void aScalarIsABoxWithoutOffsets() throws IOException {
    FileEntry zero = file(0, ShardWriter.FORMAT, "", new Part("p:weight:", 7));
    try (SliceIndex index = open(zero)) {
      assertArrayEquals(new float[] {7}, read(index, TensorBox.whole()));
    }
    FileEntry one = file(1, ShardWriter.FORMAT, "", new Part("p:weight:", 7));
    refused("elements [] of p (weight) are stored twice: in [] of rank-00000", zero, one);
  }

  @Test
  void boxesMustBeInsideTheirTensor() throws IOException {
    refused(
        "elements [0:4, 3:6] of p (weight) are not inside its shape [4, 5]",
        file(0, ShardWriter.FORMAT, "4x5", new Part("p:weight:0,3", 0, 4, 3)));
    refused(
        "elements [0:20] of p (weight) are not inside its shape [4, 5]",
        file(0, ShardWriter.FORMAT, "4x5", new Part("p:weight:0", 0, 20)));
    refused(
        "p:weight:0 F32[4, 5]: a box has 1 offsets and 2 extents",
        file(0, ShardWriter.FORMAT, "4x5", new Part("p:weight:0", 0, 4, 5)));
    refused(
        "p:weight:0,0 F32[0, 5]: a box has offset 0 and extent 0 in dimension 0",
        file(0, ShardWriter.FORMAT, "4x5", new Part("p:weight:0,0", 0, 0, 5)));
  }

  /** In files of equal size, only the extents say that two columns are not two rows. */
  @Test
  void wrongExtentsLeaveAGap() throws IOException {
    FileEntry left = file(0, ShardWriter.FORMAT, "4x4", new Part("p:weight:0,0", 0, 4, 2));
    FileEntry right = file(1, ShardWriter.FORMAT, "4x4", new Part("p:weight:0,2", 0, 4, 2));
    open(left, right).close();
    FileEntry rows = file(0, ShardWriter.FORMAT, "4x4", new Part("p:weight:0,0", 0, 2, 4));
    refused(
        "elements [0:2, 2:4] of p (weight) are stored twice: in [0:2, 0:4] of"
            + " rank-00000.safetensors and in [0:4, 2:4] of rank-00001.safetensors",
        rows,
        right);
    FileEntry half = file(0, ShardWriter.FORMAT, "4x4", new Part("p:weight:0,0", 0, 2, 2));
    refused("elements [2:4, 0:2] of p (weight) are missing", half, right);
  }

  @Test
  void otherNamesShapesAndFormatsAreRefused() throws IOException {
    for (String name :
        List.of("p", "p:weight", "p:weight:x", "p:weight:0,", "p:w:0", "p:weight:-1")) {
      refused(
          "'" + name + "' is not a tensor slice",
          file(0, ShardWriter.FORMAT, "5", new Part(name, 0, 5)));
    }
    for (String shape : List.of("5xx", "five", "0", "-5")) {
      refused(
          "'" + shape + "' is not a shape for p",
          file(0, ShardWriter.FORMAT, shape, new Part("p:weight:0", 0, 5)));
    }
    refused(
        "rank-00000.safetensors has no shape for q",
        file(0, ShardWriter.FORMAT, "5", new Part("q:weight:0", 0, 5)));
    FileEntry later = file(0, "gyre-checkpoint-3", "5", new Part("p:weight:0", 0, 5));
    String message =
        assertThrows(UnknownFormatException.class, () -> open(later).close()).getMessage();
    assertTrue(
        message.contains(
            "has format gyre-checkpoint-3, this build reads gyre-checkpoint-1 and"
                + " gyre-checkpoint-2"),
        message);
  }

  @Test
  void namesAreReadAsWritten() {
    for (long[] offsets : List.of(new long[] {}, new long[] {3}, new long[] {0, 12, 7})) {
      SliceName name = new SliceName("layers.0.x", StateKind.FIRST_MOMENT, offsets);
      SliceName read = SliceName.parse(name.format()).orElseThrow();
      assertEquals(name.parameter(), read.parameter());
      assertEquals(name.kind(), read.kind());
      assertArrayEquals(offsets, read.offsets());
    }
    assertEquals(
        "p:v:0,12", new SliceName("p", StateKind.SECOND_MOMENT, new long[] {0, 12}).format());
  }

  private void refused(String part, FileEntry... files) {
    String message =
        assertThrows(CheckpointException.class, () -> open(files).close()).getMessage();
    assertTrue(message.contains(part), message);
  }
}
