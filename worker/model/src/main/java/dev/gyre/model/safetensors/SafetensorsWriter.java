package dev.gyre.model.safetensors;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a safetensors file from slices, in any order, without holding tensors in memory. The
 * caller syncs the file to disk.
 */
public final class SafetensorsWriter implements AutoCloseable {
  /** Most bytes of one channel write: a ByteBuffer's size is an int. */
  private static final long CHUNK_BYTES = 1L << 28;

  /**
   * A tensor to write.
   *
   * @param dtype the format's name, for example {@code F32}
   */
  public record Entry(String name, String dtype, long... shape) {}

  private final Path file;
  private final FileChannel channel;
  private final Map<String, TensorInfo> tensors;
  private final long dataStart;
  private long written;
  private final long dataBytes;

  private SafetensorsWriter(
      Path file, FileChannel channel, Map<String, TensorInfo> tensors, long start, long bytes) {
    this.file = file;
    this.channel = channel;
    this.tensors = tensors;
    this.dataStart = start;
    this.dataBytes = bytes;
  }

  /**
   * Creates the file, which must not exist, and writes its header.
   *
   * @param entries in the order of their data
   */
  public static SafetensorsWriter create(
      Path file, List<Entry> entries, Map<String, String> metadata) throws IOException {
    if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      throw new UnsupportedOperationException("safetensors are written on little-endian machines");
    }
    Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    long at = 0;
    for (Entry entry : entries) {
      TensorInfo sized = new TensorInfo(entry.name(), entry.dtype(), entry.shape(), 0, 0);
      int width = TensorInfo.width(entry.dtype());
      if (width == 0) {
        throw new IllegalArgumentException(sized + " has an unknown dtype");
      }
      long end = Math.addExact(at, Math.multiplyExact(sized.elements(), (long) width));
      TensorInfo info = new TensorInfo(entry.name(), entry.dtype(), entry.shape(), at, end);
      if (tensors.put(entry.name(), info) != null) {
        throw new IllegalArgumentException("two tensors are named " + entry.name());
      }
      at = end;
    }
    byte[] header = new Header(tensors, metadata).bytes();
    if (header.length > Header.MAX_BYTES) {
      throw new IllegalArgumentException(
          "header of " + header.length + " bytes is over the limit of " + Header.MAX_BYTES);
    }
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    SafetensorsWriter writer = new SafetensorsWriter(file, channel, tensors, 8 + header.length, at);
    ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    length.putLong(header.length).flip();
    writer.writeFully(length, 0);
    writer.writeFully(ByteBuffer.wrap(header), 8);
    return writer;
  }

  /**
   * Writes bytes of a tensor, each byte once over all calls.
   *
   * @param fromByte offset inside the tensor
   * @param bytes native memory
   */
  public void write(String name, long fromByte, MemorySegment bytes) throws IOException {
    TensorInfo info = tensors.get(name);
    if (info == null) {
      throw new IllegalArgumentException(file + " was not declared to hold " + name);
    }
    if (fromByte < 0 || fromByte + bytes.byteSize() > info.byteSize()) {
      throw new IndexOutOfBoundsException(
          "bytes %d+%d of %s, which has %d"
              .formatted(fromByte, bytes.byteSize(), info, info.byteSize()));
    }
    long at = dataStart + info.begin() + fromByte;
    for (long done = 0; done < bytes.byteSize(); done += CHUNK_BYTES) {
      long count = Math.min(CHUNK_BYTES, bytes.byteSize() - done);
      writeFully(bytes.asSlice(done, count).asByteBuffer(), at + done);
    }
    written += bytes.byteSize();
  }

  private void writeFully(ByteBuffer buffer, long position) throws IOException {
    long at = position;
    while (buffer.hasRemaining()) {
      at += channel.write(buffer, at);
    }
  }

  /** The open file, for syncing it. */
  public FileChannel channel() {
    return channel;
  }

  /**
   * Closes the file.
   *
   * @throws IllegalStateException when not every byte was written; the file is then not valid
   */
  @Override
  public void close() throws IOException {
    channel.close();
    if (written != dataBytes) {
      throw new IllegalStateException(
          "%s: %d of %d bytes were written".formatted(file, written, dataBytes));
    }
  }
}
