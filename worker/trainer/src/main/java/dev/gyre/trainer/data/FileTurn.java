package dev.gyre.trainer.data;

import dev.gyre.comms.LockClaim;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/**
 * A lock file: held by one process at a time, gone when that process is gone, however it ended. It
 * says who holds it.
 */
final class FileTurn implements AutoCloseable {
  private final Path path;
  private final FileChannel channel;
  private final LockClaim claim;

  private FileTurn(Path path, FileChannel channel, LockClaim claim) {
    this.path = path;
    this.channel = channel;
    this.claim = claim;
  }

  /** What came of an attempt. */
  enum Attempt {
    /** The lock is held now. */
    HELD,
    /** Another process holds it. */
    BUSY,
    /** The file system has no locks, or another thread of this process holds it. */
    UNKNOWN,
    /** It was held by a process that has ended, and the file is to be tried again. */
    AGAIN
  }

  /** The result of {@link #attempt}. */
  record Result(Attempt attempt, @Nullable FileTurn turn, String reason) {}

  /**
   * Tries to take a lock without waiting.
   *
   * @param owner text for those who wait
   */
  static Result attempt(Path path, String owner) throws IOException {
    LockClaim claim = LockClaim.of(path).orElse(null);
    if (claim == null) {
      return new Result(Attempt.UNKNOWN, null, "another thread of this process holds " + path);
    }
    Result result = null;
    try {
      result = attempt(path, owner, claim);
      return result;
    } finally {
      if (result == null || result.turn == null) {
        claim.close();
      }
    }
  }

  private static Result attempt(Path path, String owner, LockClaim claim) throws IOException {
    FileChannel channel;
    boolean own = true;
    try {
      channel =
          FileChannel.open(
              path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    } catch (AccessDeniedException _) {
      try {
        // Another user's: it can only be asked whether that is still at work.
        channel = FileChannel.open(path, StandardOpenOption.READ);
        own = false;
      } catch (NoSuchFileException _) {
        return new Result(Attempt.AGAIN, null, "");
      }
    }
    Object identity = identity(path);
    FileLock lock;
    try {
      lock = own ? channel.tryLock() : channel.tryLock(0, Long.MAX_VALUE, true);
    } catch (IOException e) {
      channel.close();
      return new Result(Attempt.UNKNOWN, null, String.valueOf(e.getMessage()));
    }
    if (lock == null) {
      channel.close();
      return new Result(Attempt.BUSY, null, "");
    }
    // Whoever held it before may have removed the file: then this is the lock of nothing.
    boolean same = identity != null && identity.equals(identity(path));
    if (!own || !same) {
      channel.close();
      return !own && !removed(path)
          ? new Result(Attempt.UNKNOWN, null, "another user's, left by an ended process")
          : new Result(Attempt.AGAIN, null, "");
    }
    channel.truncate(0);
    channel.write(ByteBuffer.wrap(owner.getBytes(StandardCharsets.UTF_8)));
    return new Result(Attempt.HELD, new FileTurn(path, channel, claim), "");
  }

  private static boolean removed(Path path) {
    try {
      Files.deleteIfExists(path);
      return true;
    } catch (IOException _) {
      return false;
    }
  }

  private static @Nullable Object identity(Path path) throws IOException {
    try {
      return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
    } catch (NoSuchFileException _) {
      return null;
    }
  }

  /** Who holds the lock, as that process wrote it. */
  static String owner(Path path) {
    try {
      // Even to read this process's own lock file would release the lock.
      return LockClaim.isClaimed(path) ? "" : Files.readString(path).strip();
    } catch (IOException _) {
      return "";
    }
  }

  /** Whether no living process holds the lock, as far as can be seen; removes the file then. */
  static boolean abandoned(Path path) {
    try {
      Result result = attempt(path, "");
      if (result.turn != null) {
        result.turn.close();
      }
      return result.attempt == Attempt.HELD || result.attempt == Attempt.AGAIN;
    } catch (IOException _) {
      return false;
    }
  }

  /** Removes the file, then gives the lock up. */
  @Override
  public void close() throws IOException {
    try (claim;
        channel) {
      Files.deleteIfExists(path);
    }
  }
}
