package dev.gyre.comms.aeron;

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
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A run's folder in shared memory. Its owner holds a lock on a file in it for as long as it lives:
 * the kernel takes the lock away when the process ends, however it does, and shows it to processes
 * of every PID namespace. Only a folder whose lock can be taken is removed as abandoned. Nobody but
 * this user can look into it.
 */
public final class SharedFolder implements AutoCloseable {
  static final String LOCK = "lock";

  private static final String PREFIX = "gyre-";
  private static final int ATTEMPTS = 100;

  /**
   * Folders of this process. A process loses its lock on a file when it closes any channel to that
   * file, so it must not open its own ones again.
   */
  private static final Set<Path> OWN = ConcurrentHashMap.newKeySet();

  private final Path path;
  private final Path key;
  private final FileChannel lock;

  private SharedFolder(Path path, Path key, FileChannel lock) {
    this.path = path;
    this.key = key;
    this.lock = lock;
  }

  /**
   * Makes {@code parent/gyre-RUN-PID-NUMBER}, locked.
   *
   * @param parent on a memory file system, such as {@code /dev/shm}
   * @param run a file name
   * @throws IOException naming the folder, if it cannot be made
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

  /** Null if the name is taken, or another process has swept the folder before it was locked. */
  private static @Nullable SharedFolder tryCreate(Path path) throws IOException {
    try {
      Files.createDirectory(path, PrivateFiles.FOLDER);
    } catch (FileAlreadyExistsException taken) {
      return null;
    } catch (IOException failed) {
      throw new IOException(
          "cannot make the run's shared folder " + path + ": " + failed.getMessage(), failed);
    }
    Path key = path.toRealPath();
    OWN.add(key);
    FileChannel channel = null;
    try {
      channel =
          FileChannel.open(
              path.resolve(LOCK),
              Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              PrivateFiles.FILE);
      FileLock held = channel.lock(); // at most a sweeper has it, for a moment
      if (held.isValid() && Files.exists(path.resolve(LOCK))) {
        return new SharedFolder(path, key, channel);
      }
    } catch (NoSuchFileException swept) {
      // Between its making and its locking the folder looks like an abandoned one.
    } catch (IOException failed) {
      OWN.remove(key);
      delete(path);
      throw new IOException("cannot lock " + path.resolve(LOCK) + ": " + failed.getMessage());
    }
    if (channel != null) {
      channel.close();
    }
    OWN.remove(key);
    return null;
  }

  /** The folder itself. */
  public Path path() {
    return path;
  }

  /**
   * Removes what killed runs left.
   *
   * @return the folders removed
   */
  public static List<Path> sweep(Path parent) {
    return abandoned(parent, true);
  }

  /** Folders of runs whose owner is gone, and that this user may remove. */
  public static List<Path> abandoned(Path parent) {
    return abandoned(parent, false);
  }

  private static List<Path> abandoned(Path parent, boolean remove) {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> folders = Files.newDirectoryStream(parent, PREFIX + "*")) {
      for (Path folder : folders) {
        if (Files.isDirectory(folder)
            && !OWN.contains(folder.toRealPath())
            && isAbandoned(folder, remove)) {
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
    try (FileChannel channel = FileChannel.open(folder.resolve(LOCK), StandardOpenOption.WRITE)) {
      if (channel.tryLock() == null) {
        return false;
      }
      if (remove) {
        delete(folder);
      }
      return true;
    } catch (NoSuchFileException noLock) {
      return remove && isRemovedAsEmpty(folder);
    } catch (IOException notOurs) {
      return false; // another user's
    }
  }

  /** A folder without a lock is one whose owner was killed while making it, or none of a run. */
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

  /** The lock goes last: a sweep that is killed half-way leaves what the next one finds. */
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
      if (Files.exists(folder)) { // else another sweep was faster
        throw new UncheckedIOException(new IOException("cannot remove " + folder, failed));
      }
    }
  }

  /** Removes the folder with all that lies in it. */
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
      OWN.remove(key);
    }
  }
}
