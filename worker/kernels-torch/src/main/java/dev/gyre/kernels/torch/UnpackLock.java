package dev.gyre.kernels.torch;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Held by one process of a machine at a time while it unpacks and loads the native library. JavaCPP
 * itself unpacks a file that another process has just unpacked and mapped a second time, in place,
 * which kills that process with SIGBUS.
 */
final class UnpackLock implements AutoCloseable {
  private final @Nullable FileChannel channel;

  private UnpackLock(@Nullable FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Waits for the lock. In a folder that cannot be written or locked there is none: nothing is
   * unpacked there either.
   *
   * @param folder is made if missing
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

  /** Gives the lock up; the file stays. */
  @Override
  public void close() {
    if (channel == null) {
      return;
    }
    try {
      channel.close();
    } catch (IOException _) {
      // The lock is gone all the same.
    }
  }
}
