package dev.gyre.model.safetensors;

import dev.gyre.partitioning.job.GitLfsPointer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Set;

/**
 * A safetensors file, mapped and validated when opened: the header's length and JSON, every
 * tensor's dtype, shape and range, and that ranges cover the data without overlap or gap. Thread
 * safe. Source: the format's README, github.com/huggingface/safetensors.
 */
public final class SafetensorsReader implements AutoCloseable {
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path file;
  private final Arena arena;
  private final MemorySegment data;
  private final Header header;

  private SafetensorsReader(Path file, Arena arena, MemorySegment data, Header header) {
    this.file = file;
    this.arena = arena;
    this.data = data;
    this.header = header;
  }

  /**
   * @throws SafetensorsException for a file that is truncated or malformed
   * @throws IOException when it cannot be read
   */
  @SuppressWarnings("MustBeClosedChecker") // the arena closes with the reader
  public static SafetensorsReader open(Path file) throws IOException {
    Arena arena = Arena.ofShared();
    boolean done = false;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      if (size < 8) {
        throw new SafetensorsException(
            file, "holds " + size + " bytes; a safetensors file starts with 8 of header length");
      }
      MemorySegment all = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
      long beginning = Math.min(size, GitLfsPointer.BYTES);
      if (GitLfsPointer.matches(all.asSlice(0, beginning).toArray(ValueLayout.JAVA_BYTE))) {
        throw new SafetensorsException(file, GitLfsPointer.PROBLEM);
      }
      long length = all.get(LONG, 0);
      if (length < 0 || length > Header.MAX_BYTES) {
        throw new SafetensorsException(
            file,
            "header of %s bytes is over the limit of %d; this is not a safetensors file"
                .formatted(Long.toUnsignedString(length), Header.MAX_BYTES));
      }
      if (8 + length > size) {
        throw new SafetensorsException(
            file,
            "truncated: the header ends at byte %d, the file at %d; copy it again"
                .formatted(8 + length, size));
      }
      byte[] json = all.asSlice(8, length).toArray(ValueLayout.JAVA_BYTE);
      Header header = Header.parse(file, json, size - 8 - length);
      SafetensorsReader reader =
          new SafetensorsReader(file, arena, all.asSlice(8 + length), header);
      done = true;
      return reader;
    } finally {
      if (!done) {
        arena.close();
      }
    }
  }

  public Path file() {
    return file;
  }

  /** Names in the order of their data. */
  public Set<String> names() {
    return header.tensors().keySet();
  }

  public boolean has(String name) {
    return header.tensors().containsKey(name);
  }

  /** The header's {@code __metadata__}. */
  public Map<String, String> metadata() {
    return header.metadata();
  }

  /**
   * @throws SafetensorsException naming the file when it has no such tensor
   */
  public TensorInfo info(String name) {
    TensorInfo info = header.tensors().get(name);
    if (info == null) {
      throw new SafetensorsException(file, "has no tensor " + name);
    }
    return info;
  }

  /** A tensor's bytes as they are in the file, read-only, valid until {@link #close}. */
  public MemorySegment bytes(String name) {
    TensorInfo info = info(name);
    return data.asSlice(info.begin(), info.byteSize());
  }

  /**
   * Elements {@code [from, from + count)} as f32.
   *
   * @param to written from its start; at least {@code 4·count} bytes
   * @throws SafetensorsException for a dtype that is not a float of at least 16 bits
   */
  public void readF32(String name, long from, long count, MemorySegment to) {
    readF32(name, from, 1, count, to);
  }

  /**
   * Elements {@code from}, {@code from + stride}, … as f32.
   *
   * @param count of elements read
   * @param to written from its start; at least {@code 4·count} bytes
   * @throws SafetensorsException for a dtype that is not a float of at least 16 bits
   */
  public void readF32(String name, long from, long stride, long count, MemorySegment to) {
    TensorInfo info = info(name);
    long end = count == 0 ? from : from + (count - 1) * stride + 1;
    if (from < 0 || stride < 1 || count < 0 || end > info.elements()) {
      throw new IndexOutOfBoundsException(
          "elements %d + %d × %d of %s".formatted(from, count, stride, info));
    }
    int width = TensorInfo.width(info.dtype());
    MemorySegment bytes = bytes(name).asSlice(from * width, (end - from) * width);
    switch (info.dtype()) {
      case "F32" -> {
        if (stride == 1 && ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN) {
          MemorySegment.copy(bytes, 0, to, 0, count * 4);
        } else {
          for (long i = 0; i < count; i++) {
            to.setAtIndex(ValueLayout.JAVA_FLOAT, i, bytes.get(FLOAT, i * stride * 4));
          }
        }
      }
      case "BF16" -> {
        for (long i = 0; i < count; i++) {
          float value = Float.intBitsToFloat(bytes.get(SHORT, i * stride * 2) << 16);
          to.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        }
      }
      case "F16" -> {
        for (long i = 0; i < count; i++) {
          float value = Float.float16ToFloat(bytes.get(SHORT, i * stride * 2));
          to.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        }
      }
      case "F64" -> {
        for (long i = 0; i < count; i++) {
          to.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) bytes.get(DOUBLE, i * stride * 8));
        }
      }
      default -> throw new SafetensorsException(file, info + " cannot be read as F32");
    }
  }

  /**
   * Number of elements that are infinite or NaN when converted to f32.
   *
   * @throws SafetensorsException for a dtype that {@link #readF32} cannot read
   */
  public long countNonFinite(String name) {
    TensorInfo info = info(name);
    MemorySegment bytes = bytes(name);
    long elements = info.elements();
    long count = 0;
    switch (info.dtype()) {
      case "F32" -> {
        for (long i = 0; i < elements; i++) {
          count += (bytes.get(INT, i * 4) & 0x7F80_0000) == 0x7F80_0000 ? 1 : 0;
        }
      }
      case "BF16" -> {
        for (long i = 0; i < elements; i++) {
          count += (bytes.get(SHORT, i * 2) & 0x7F80) == 0x7F80 ? 1 : 0;
        }
      }
      case "F16" -> {
        for (long i = 0; i < elements; i++) {
          count += (bytes.get(SHORT, i * 2) & 0x7C00) == 0x7C00 ? 1 : 0;
        }
      }
      case "F64" -> {
        for (long i = 0; i < elements; i++) {
          count += Float.isFinite((float) bytes.get(DOUBLE, i * 8)) ? 0 : 1;
        }
      }
      default -> throw new SafetensorsException(file, info + " cannot be read as F32");
    }
    return count;
  }

  /** A whole I64 or I32 tensor. */
  public long[] readLongs(String name) {
    TensorInfo info = info(name);
    MemorySegment bytes = bytes(name);
    long[] values = new long[Math.toIntExact(info.elements())];
    switch (info.dtype()) {
      case "I64" -> {
        for (int i = 0; i < values.length; i++) {
          values[i] = bytes.get(LONG, i * 8L);
        }
      }
      case "I32" -> {
        for (int i = 0; i < values.length; i++) {
          values[i] = bytes.get(INT, i * 4L);
        }
      }
      default -> throw new SafetensorsException(file, info + " is not I64 or I32");
    }
    return values;
  }

  /** A whole F64 tensor. */
  public double[] readDoubles(String name) {
    TensorInfo info = info(name);
    if (!info.dtype().equals("F64")) {
      throw new SafetensorsException(file, info + " is not F64");
    }
    MemorySegment bytes = bytes(name);
    double[] values = new double[Math.toIntExact(info.elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = bytes.get(DOUBLE, i * 8L);
    }
    return values;
  }

  /** Unmaps the file; segments from {@link #bytes} become invalid. */
  @Override
  public void close() {
    arena.close();
  }
}
