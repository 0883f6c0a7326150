package dev.gyre.deploy.files;

import dev.gyre.comms.LockClaim;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a second holder out of a run's folder, in this process or another. The lock goes with the
 * process that holds it, however that ends. No other code may open the file.
 */
public final class RunLock implements AutoCloseable {
  private final LockClaim claim;
  private final FileChannel channel;

  private RunLock(LockClaim claim, FileChannel channel) {
    this.claim = claim;
    this.channel = channel;
  }

  /**
   * @throws IOException if this process or another one runs this run now
   */
  public static RunLock take(RunFolder folder) throws IOException {
    LockClaim claim = LockClaim.of(folder.lock()).orElse(null);
    if (claim == null) {
      throw new IOException(folder + " is running in this process");
    }
    FileChannel channel = null;
    boolean held = false;
    try {
      channel =
          FileChannel.open(folder.lock(), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      held = channel.tryLock() != null;
    } finally {
      if (!held) {
        release(claim, channel);
      }
    }
    if (!held) {
      throw new IOException(
          folder + " is running in another process; wait for it, or stop it with Ctrl-C there");
    }
    return new RunLock(claim, channel);
  }

  private static void release(LockClaim claim, @Nullable FileChannel channel) throws IOException {
    try (claim;
        channel) {}
  }

  @Override
  public void close() throws IOException {
    release(claim, channel);
  }
}
