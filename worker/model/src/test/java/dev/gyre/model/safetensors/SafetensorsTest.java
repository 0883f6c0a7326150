package dev.gyre.model.safetensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SafetensorsTest {
  @TempDir Path folder;

  private Path raw(String header, int dataBytes) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer b = ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    b.putLong(json.length).put(json);
    return Files.write(folder.resolve("model.safetensors"), b.array());
  }

  private static MemorySegment floats(float... values) {
    return Arena.ofAuto().allocateFrom(ValueLayout.JAVA_FLOAT, values);
  }

  private Path sample() throws IOException {
    Path file = folder.resolve("sample.safetensors");
    try (SafetensorsWriter w =
        SafetensorsWriter.create(
            file,
            List.of(
                new SafetensorsWriter.Entry("b", "F32", 2, 3),
                new SafetensorsWriter.Entry("a", "BF16", 2),
                new SafetensorsWriter.Entry("empty", "F32", 0, 4),
                new SafetensorsWriter.Entry("scalar", "F64")),
            Map.of("format", "pt"))) {
      w.write("scalar", 0, Arena.ofAuto().allocateFrom(ValueLayout.JAVA_DOUBLE, 1.5));
      w.write("b", 12, floats(4, 5, 6));
      w.write(
          "a",
          0,
          Arena.ofAuto().allocateFrom(ValueLayout.JAVA_SHORT, (short) 0x3F80, (short) 0xC000));
      w.write("b", 0, floats(1, 2, 3));
    }
    return file;
  }

  @Test
  void whatIsWrittenInSlicesIsReadBack() throws IOException {
    try (SafetensorsReader r = SafetensorsReader.open(sample())) {
      assertEquals(Map.of("format", "pt"), r.metadata());
      assertEquals(Set.of("b", "a", "empty", "scalar"), r.names());
      assertArrayEquals(new long[] {2, 3}, r.info("b").shape());
      float[] b = new float[4];
      r.readF32("b", 1, 4, MemorySegment.ofArray(b));
      assertArrayEquals(new float[] {2, 3, 4, 5}, b);
      float[] a = new float[2];
      r.readF32("a", 0, 2, MemorySegment.ofArray(a));
      assertArrayEquals(new float[] {1, -2}, a);
      assertArrayEquals(new double[] {1.5}, r.readDoubles("scalar"));
      assertEquals(0, r.info("empty").byteSize());
      assertThrows(IndexOutOfBoundsException.class, () -> r.readF32("b", 4, 3, floats(0, 0, 0)));
      assertThrows(SafetensorsException.class, () -> r.readLongs("b"));
      String message = assertThrows(SafetensorsException.class, () -> r.info("c")).toString();
      assertTrue(message.contains("sample.safetensors: has no tensor c"), message);
    }
  }

  @Test
  void dataStartsAtAMultipleOfEight() throws IOException {
    long length =
        MemorySegment.ofArray(Files.readAllBytes(sample())).get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
    assertEquals(0, length % 8);
  }

  @Test
  void anUnfinishedFileIsNoticed() throws IOException {
    SafetensorsWriter w =
        SafetensorsWriter.create(
            folder.resolve("short"), List.of(new SafetensorsWriter.Entry("a", "F32", 4)), Map.of());
    w.write("a", 0, floats(1, 2));
    assertThrows(IndexOutOfBoundsException.class, () -> w.write("a", 12, floats(1, 2)));
    assertThrows(IllegalArgumentException.class, () -> w.write("b", 0, floats(1)));
    String message = assertThrows(IllegalStateException.class, w::close).toString();
    assertTrue(message.contains("8 of 16 bytes"), message);
  }

  @Test
  void everyTruncationIsAnError() throws IOException {
    byte[] whole = Files.readAllBytes(sample());
    Path cut = folder.resolve("cut.safetensors");
    for (int length = 0; length < whole.length; length++) {
      Files.write(cut, Arrays.copyOf(whole, length));
      String message =
          assertThrows(SafetensorsException.class, () -> SafetensorsReader.open(cut)).toString();
      assertTrue(message.contains(cut + ":"), message);
    }
    Files.write(cut, Arrays.copyOf(whole, whole.length - 1));
    String message =
        assertThrows(SafetensorsException.class, () -> SafetensorsReader.open(cut)).toString();
    assertTrue(
        message.contains("truncated: its tensors need 36 bytes of data, it has 35"), message);
    Files.write(cut, Arrays.copyOf(whole, whole.length + 3));
    message =
        assertThrows(SafetensorsException.class, () -> SafetensorsReader.open(cut)).toString();
    assertTrue(message.contains("3 bytes follow the last tensor"), message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
            + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}|12|inside another",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}|12|a gap of 4 bytes",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}|4|needs 8 bytes",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}|8|needs 8 bytes",
        "{\"a\":{\"dtype\":\"Q4\",\"shape\":[2],\"data_offsets\":[0,8]}}|8|unknown dtype",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}|8|lacks a valid",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}|0|more elements",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}|8|lacks a valid",
        "{\"a\":1,\"a\":2}|0|not JSON",
        "{\"a\":|0|not JSON",
        "[]|0|not a JSON object",
      })
  void aBrokenHeaderIsAnError(String header, int dataBytes, String problem) throws IOException {
    Path file = raw(header, dataBytes);
    String message =
        assertThrows(SafetensorsException.class, () -> SafetensorsReader.open(file)).toString();
    assertTrue(message.contains(problem), message);
  }

  @Test
  void anAbsurdHeaderLengthIsAnError() throws IOException {
    Path file = folder.resolve("text");
    Files.writeString(file, "this is a text file");
    String message =
        assertThrows(SafetensorsException.class, () -> SafetensorsReader.open(file)).toString();
    assertTrue(message.contains("over the limit of 100000000"), message);
  }

  @Test
  void aGitLfsPointerIsNamed() throws IOException {
    Path file = folder.resolve("model.safetensors");
    Files.writeString(file, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n");
    String message =
        assertThrows(SafetensorsException.class, () -> SafetensorsReader.open(file)).getMessage();
    assertEquals(file + ": is a Git LFS pointer, not the file: git lfs pull", message);
  }

  @Test
  void valuesThatAreNoFiniteF32AreCounted() throws IOException {
    Path file = folder.resolve("values.safetensors");
    try (SafetensorsWriter w =
        SafetensorsWriter.create(
            file,
            List.of(
                new SafetensorsWriter.Entry("f32", "F32", 4),
                new SafetensorsWriter.Entry("f64", "F64", 3),
                new SafetensorsWriter.Entry("bf16", "BF16", 4),
                new SafetensorsWriter.Entry("f16", "F16", 4)),
            Map.of())) {
      w.write("f32", 0, floats(Float.NaN, Float.MAX_VALUE, Float.POSITIVE_INFINITY, -0f));
      w.write(
          "f64",
          0,
          Arena.ofAuto().allocateFrom(ValueLayout.JAVA_DOUBLE, 1e39, Double.NaN, Float.MAX_VALUE));
      short[] bf16 = {0x7F80, 0x7F7F, (short) 0xFF81, 0};
      short[] f16 = {0x7C00, 0x7BFF, (short) 0xFC01, 0x7E00};
      w.write("bf16", 0, Arena.ofAuto().allocateFrom(ValueLayout.JAVA_SHORT, bf16));
      w.write("f16", 0, Arena.ofAuto().allocateFrom(ValueLayout.JAVA_SHORT, f16));
    }
    try (SafetensorsReader r = SafetensorsReader.open(file)) {
      assertEquals(2, r.countNonFinite("f32"));
      assertEquals(2, r.countNonFinite("f64"));
      assertEquals(2, r.countNonFinite("bf16"));
      assertEquals(3, r.countNonFinite("f16"));
    }
  }

  @Test
  void shardsAreReadThroughTheirIndex() throws IOException {
    for (String n : List.of("a", "b")) {
      try (SafetensorsWriter w =
          SafetensorsWriter.create(
              folder.resolve(n + ".safetensors"),
              List.of(new SafetensorsWriter.Entry(n, "F32", 1)),
              Map.of())) {
        w.write(n, 0, floats(n.charAt(0)));
      }
    }
    Path index = folder.resolve("model.safetensors.index.json");
    Files.writeString(index, "{\"weight_map\":{\"a\":\"a.safetensors\",\"b\":\"b.safetensors\"}}");
    try (ModelFiles files = ModelFiles.open(folder)) {
      float[] value = new float[1];
      files.holding("b").readF32("b", 0, 1, MemorySegment.ofArray(value));
      assertEquals('b', value[0]);
      assertThrows(SafetensorsException.class, () -> files.holding("c"));
    }
    Files.writeString(index, "{\"weight_map\":{\"a\":\"b.safetensors\"}}");
    assertThrows(SafetensorsException.class, () -> ModelFiles.open(folder));
    Files.writeString(index, "{\"weight_map\":{\"a\":\"../b.safetensors\"}}");
    assertThrows(SafetensorsException.class, () -> ModelFiles.open(folder));
    Files.delete(index);
    assertThrows(SafetensorsException.class, () -> ModelFiles.open(folder));
  }
}
