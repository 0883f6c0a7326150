package dev.gyre.comms;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The right to open a lock file in this process. POSIX releases a process's lock on a file as soon
 * as the process closes any channel to that file, also one that was opened only to look. So each
 * lock file is opened by one holder at a time, and by nobody without a claim.
 */
public final class LockClaim implements AutoCloseable {
  private static final Set<Object> CLAIMED = ConcurrentHashMap.newKeySet();

  /** A file by its name and its folder's identity: links lead to the same file. */
  private record Key(Object folder, String name) {}

  private final Key key;

  private LockClaim(Key key) {
    this.key = key;
  }

  /**
   * Claims a file, which need not exist, before it is opened. Close the claim after the file.
   *
   * @return empty if another part of this process holds a claim to the file
   * @throws IOException if the file's folder cannot be read
   */
  public static Optional<LockClaim> of(Path file) throws IOException {
    LockClaim claim = new LockClaim(key(file));
    return CLAIMED.add(claim.key) ? Optional.of(claim) : Optional.empty();
  }

  /** Whether a part of this process holds a claim to the file. */
  public static boolean isClaimed(Path file) throws IOException {
    return CLAIMED.contains(key(file));
  }

  private static Key key(Path file) throws IOException {
    Path absolute = file.toAbsolutePath();
    Path folder = Objects.requireNonNull(absolute.getParent(), "a root is no lock file");
    Object identity = Files.readAttributes(folder, BasicFileAttributes.class).fileKey();
    return new Key(
        identity == null ? folder.toRealPath() : identity, absolute.getFileName().toString());
  }

  /** Lets others of this process open the file. */
  @Override
  public void close() {
    CLAIMED.remove(key);
  }
}
