package dev.gyre.trainer.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.function.LongConsumer;

/** SHA-256 of files and texts, in hexadecimal, and fsync of folders. */
final class Digests {
  private static final int BUFFER_BYTES = 1 << 20;

  private Digests() {}

  static String sha256(Path file) throws IOException {
    return sha256(file, _ -> {});
  }

  /**
   * @param progress receives the number of bytes read, after each buffer
   */
  static String sha256(Path file, LongConsumer progress) throws IOException {
    MessageDigest digest = sha256();
    long read = 0;
    ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      while (channel.read(buffer) >= 0) {
        read += buffer.position();
        digest.update(buffer.flip());
        progress.accept(read);
        buffer.clear();
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  static String sha256(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    return HexFormat.of().formatHex(sha256().digest(utf8));
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
