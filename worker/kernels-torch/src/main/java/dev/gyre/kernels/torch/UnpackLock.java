package dev.gyre.kernels.torch;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * A lock that one process of a machine holds while it unpacks and loads the native library. Without
 * it, JavaCPP may overwrite a file in place that another process has just unpacked and mapped,
 * which kills that process with SIGBUS.
 */
final class UnpackLock implements AutoCloseable {
  private final @Nullable FileChannel channel;

  private UnpackLock(@Nullable FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Waits for the lock. A folder that cannot be written or locked has no lock, but nothing is
   * unpacked there either.
   *
   * @param folder is created if missing
   */
  static UnpackLock in(Path folder) {
    FileChannel opened = null;
    try {
      Files.createDirectories(folder);
      opened =
          FileChannel.open(
              folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      opened.lock();
      return new UnpackLock(opened);
    } catch (IOException _) {
      return new UnpackLock(opened);
    }
  }

  /** Releases the lock; the file stays. */
  @Override
  public void close() {
    if (channel == null) {
      return;
    }
    try {
      channel.close();
    } catch (IOException _) {
      // The lock is released anyway.
    }
  }
}
