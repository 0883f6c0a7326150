package dev.gyre.comms.aeron;

import dev.gyre.comms.LockClaim;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A run's folder in shared memory. Its owner holds a lock on a file in it as long as the owner
 * lives. The kernel releases the lock when the process ends, for whatever reason, and the lock is
 * visible to processes of every PID namespace. A folder is removed as abandoned only if its lock
 * can be acquired. Only this user can access the folder.
 */
public final class SharedFolder implements AutoCloseable {
  static final String LOCK = "lock";

  private static final String PREFIX = "gyre-";
  private static final int ATTEMPTS = 100;

  private final Path path;
  private final LockClaim claim;
  private final FileChannel lock;

  private SharedFolder(Path path, LockClaim claim, FileChannel lock) {
    this.path = path;
    this.claim = claim;
    this.lock = lock;
  }

  /**
   * Creates {@code parent/gyre-RUN-PID-NUMBER} and locks it.
   *
   * @param parent on a memory file system, such as {@code /dev/shm}
   * @param run a file name
   * @throws IOException naming the folder, if it cannot be created
   */
  public static SharedFolder create(Path parent, String run) throws IOException {
    if (!run.matches("[A-Za-z0-9._-]+")) {
      throw new IllegalArgumentException(
          "run name '" + run + "' is not made of letters, digits, dots, dashes and underscores");
    }
    long pid = ProcessHandle.current().pid();
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      String number = Integer.toHexString(ThreadLocalRandom.current().nextInt());
      SharedFolder made = tryCreate(parent.resolve(PREFIX + run + "-" + pid + "-" + number));
      if (made != null) {
        return made;
      }
    }
    throw new IOException("cannot make a folder for run " + run + " in " + parent);
  }

  /** Null if the name is taken, or if another process removed the folder before it was locked. */
  private static @Nullable SharedFolder tryCreate(Path path) throws IOException {
    try {
      Files.createDirectory(path, PrivateFiles.FOLDER);
    } catch (FileAlreadyExistsException taken) {
      return null;
    } catch (IOException failed) {
      throw new IOException(
          "cannot make the run's shared folder " + path + ": " + failed.getMessage(), failed);
    }
    LockClaim claim = LockClaim.of(path.resolve(LOCK)).orElse(null);
    if (claim == null) { // this process looks at the folder at this moment
      isRemovedAsEmpty(path);
      return null;
    }
    FileChannel channel = null;
    try {
      channel =
          FileChannel.open(
              path.resolve(LOCK),
              Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              PrivateFiles.FILE);
      FileLock held = channel.lock(); // at most another process's sweep holds it, briefly
      if (held.isValid() && Files.exists(path.resolve(LOCK))) {
        return new SharedFolder(path, claim, channel);
      }
    } catch (NoSuchFileException swept) {
      // Between its creation and its locking the folder looks abandoned.
    } catch (IOException failed) {
      claim.close();
      delete(path);
      throw new IOException("cannot lock " + path.resolve(LOCK) + ": " + failed.getMessage());
    }
    if (channel != null) {
      channel.close();
    }
    claim.close();
    return null;
  }

  /** The path of the folder. */
  public Path path() {
    return path;
  }

  /**
   * Removes the folders of killed runs.
   *
   * @return the folders removed
   */
  public static List<Path> sweep(Path parent) {
    return abandoned(parent, true);
  }

  /** Folders of runs whose owner has exited, and that this user may remove. */
  public static List<Path> abandoned(Path parent) {
    return abandoned(parent, false);
  }

  private static List<Path> abandoned(Path parent, boolean remove) {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> folders = Files.newDirectoryStream(parent, PREFIX + "*")) {
      for (Path folder : folders) {
        if (Files.isDirectory(folder) && isAbandoned(folder, remove)) {
          found.add(folder);
        }
      }
    } catch (NoSuchFileException endedMeanwhile) {
      return found;
    } catch (IOException failed) {
      throw new UncheckedIOException("cannot look for abandoned runs in " + parent, failed);
    }
    return found;
  }

  private static boolean isAbandoned(Path folder, boolean remove) {
    try (LockClaim claim = LockClaim.of(folder.resolve(LOCK)).orElse(null)) {
      return claim != null && isUnlocked(folder, remove);
    } catch (NoSuchFileException noLock) {
      return remove && isRemovedAsEmpty(folder);
    } catch (IOException notOurs) {
      return false; // belongs to another user
    }
  }

  private static boolean isUnlocked(Path folder, boolean remove) throws IOException {
    try (FileChannel channel = FileChannel.open(folder.resolve(LOCK), StandardOpenOption.WRITE)) {
      if (channel.tryLock() == null) {
        return false;
      }
      if (remove) {
        delete(folder);
      }
      return true;
    }
  }

  /**
   * A folder without a lock file: its owner was killed while creating it, or it does not belong to
   * a run.
   */
  private static boolean isRemovedAsEmpty(Path folder) {
    try {
      Files.delete(folder);
      return true;
    } catch (DirectoryNotEmptyException noRun) {
      return false;
    } catch (IOException goneOrNotOurs) {
      return false;
    }
  }

  /** Deletes the lock file last, so that the next sweep finds the rest if this one is killed. */
  private static void delete(Path folder) {
    Path lock = folder.resolve(LOCK);
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        if (!file.equals(folder) && !file.equals(lock)) {
          Files.deleteIfExists(file);
        }
      }
      Files.deleteIfExists(lock);
      Files.deleteIfExists(folder);
    } catch (IOException | UncheckedIOException failed) {
      if (Files.exists(folder)) { // else another sweep removed it first
        throw new UncheckedIOException(new IOException("cannot remove " + folder, failed));
      }
    }
  }

  /** Removes the folder and everything in it. */
  @Override
  public void close() {
    if (!lock.isOpen()) {
      return;
    }
    try (lock) {
      delete(path);
    } catch (IOException failed) {
      throw new UncheckedIOException("cannot unlock " + path, failed);
    } finally {
      claim.close();
    }
  }
}
