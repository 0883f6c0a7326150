package dev.gyre.trainer.data;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/** A new file of a token store, written from its beginning to its end; failures name it. */
final class StoreFile implements AutoCloseable {
  private static final int BUFFER_BYTES = 1 << 18;

  private final Path path;
  private final FileChannel channel;
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
  private final CRC32C crc = new CRC32C();

  StoreFile(Path path) throws IOException {
    this.path = path;
    this.channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  }

  void put(byte[] from, int offset, int count) throws IOException {
    int at = offset;
    while (at < offset + count) {
      room(1);
      int part = Math.min(buffer.remaining(), offset + count - at);
      buffer.put(from, at, part);
      at += part;
    }
  }

  void put(byte value) throws IOException {
    room(Byte.BYTES);
    buffer.put(value);
  }

  void putInt(int value) throws IOException {
    room(Integer.BYTES);
    buffer.putInt(value);
  }

  void putLong(long value) throws IOException {
    room(Long.BYTES);
    buffer.putLong(value);
  }

  private void room(int wanted) throws IOException {
    if (buffer.remaining() < wanted) {
      flush();
    }
  }

  private void flush() throws IOException {
    crc.update(buffer.flip());
    buffer.rewind();
    try {
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
    } catch (IOException e) {
      throw named(e);
    }
    buffer.clear();
  }

  /**
   * Writes out what is left, to the disk itself.
   *
   * @return CRC32C of all bytes
   */
  long finish() throws IOException {
    flush();
    try {
      channel.force(true);
    } catch (IOException e) {
      throw named(e);
    }
    return crc.getValue();
  }

  /** "No space left on device" alone says not where. */
  private IOException named(IOException e) {
    FileSystemException named = new FileSystemException(path.toString(), null, e.getMessage());
    named.initCause(e);
    return named;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
