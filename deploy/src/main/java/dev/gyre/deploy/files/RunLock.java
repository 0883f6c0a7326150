package dev.gyre.deploy.files;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a second process out of a run's folder. The lock goes with the process that holds it,
 * however that ends.
 */
public record RunLock(FileChannel channel) implements AutoCloseable {
  /**
   * @throws IOException if another process runs this run now
   */
  public static RunLock take(RunFolder folder) throws IOException {
    FileChannel channel =
        FileChannel.open(folder.lock(), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    if (tryLock(channel) == null) {
      channel.close();
      throw new IOException(
          folder + " is running in another process; wait for it, or stop it with Ctrl-C there");
    }
    return new RunLock(channel);
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null; // by another thread of this process
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
