package dev.gyre.deploy.files;

import dev.gyre.trainer.files.StorageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * {@code metrics.jsonl}. It has complete lines only, also after a full disk or a crash during a
 * write.
 */
final class MetricsFile implements AutoCloseable {
  /** Far more than the length of a line, which is a few kilobytes. */
  private static final int LONGEST_TAIL = 1 << 20;

  private final Path path;
  private final FileChannel channel;
  private long end;

  private MetricsFile(Path path, FileChannel channel, long end) {
    this.path = path;
    this.channel = channel;
    this.end = end;
  }

  /** Opens the file for appending. Removes an incomplete last line, left by a crash. */
  static MetricsFile open(Path path) throws IOException {
    FileChannel channel =
        FileChannel.open(
            path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      long end = endOfLastLine(channel);
      if (end < channel.size()) {
        channel.truncate(end);
      }
      return new MetricsFile(path, channel, end);
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  private static long endOfLastLine(FileChannel channel) throws IOException {
    long size = channel.size();
    long from = Math.max(0, size - LONGEST_TAIL);
    ByteBuffer tail = ByteBuffer.allocate((int) (size - from));
    while (tail.hasRemaining() && channel.read(tail, from + tail.position()) >= 0) {
      // read on
    }
    for (int i = tail.position() - 1; i >= 0; i--) {
      if (tail.get(i) == '\n') {
        return from + i + 1;
      }
    }
    return from == 0 ? 0 : size; // too long for a line of ours: leave it
  }

  /**
   * @throws StorageException naming the file, which then ends with the line before
   */
  void append(String json) throws StorageException {
    ByteBuffer line = ByteBuffer.wrap((json + "\n").getBytes(StandardCharsets.UTF_8));
    long at = end;
    try {
      while (line.hasRemaining()) {
        at += channel.write(line, at);
      }
      end = at;
    } catch (IOException e) {
      cutBack(e);
      throw StorageException.of(path, e);
    }
  }

  private void cutBack(IOException failed) {
    try {
      channel.truncate(end);
    } catch (IOException alsoFailed) {
      failed.addSuppressed(alsoFailed);
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
