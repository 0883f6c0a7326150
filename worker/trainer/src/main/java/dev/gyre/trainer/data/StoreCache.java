package dev.gyre.trainer.data;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A folder of token stores, shared by processes and users. A store is written beside its place and
 * renamed, so a reader never sees half of one. One process makes a store while others wait for it;
 * where files cannot be locked all of them work, and the first to finish wins. What ended
 * preparations left is removed.
 */
final class StoreCache {
  private static final String TEMPORARY = ".tmp-";
  private static final String LOCK = ".lock";

  /** Held, inside of an unfinished store, by who makes it. */
  private static final String MAKER = "maker" + LOCK;

  /** An incomplete store without a lock is abandoned if it was not modified for this long. */
  private static final Duration ABANDONED = Duration.ofDays(1);

  private static final long RETRY_MILLIS = 50;
  private static final long TOLD_EVERY_NANOS = TimeUnit.MINUTES.toNanos(1);

  private final Path folder;
  private final PrepareListener listener;

  StoreCache(Path folder, PrepareListener listener) {
    this.folder = folder;
    this.listener = listener;
  }

  /** Writes a store's files into a folder. */
  interface Maker {
    void make(Path into) throws IOException;
  }

  /** The store of this key, if there is one that this user may read. */
  Optional<Path> find(String key) {
    Path store = folder.resolve(key);
    return Files.isReadable(store.resolve(StoreMeta.META_FILE))
        ? Optional.of(store)
        : Optional.empty();
  }

  /**
   * Makes the store, or waits for another process that makes it.
   *
   * @return its folder; empty if this folder cannot be used by this user, which is told
   */
  Optional<Path> make(String key, Maker maker) throws IOException {
    Path store = folder.resolve(key);
    try {
      Files.createDirectories(folder);
      if (Files.exists(store) && find(key).isEmpty() && !isDamaged(store)) {
        throw new AccessDeniedException(store.toString());
      }
      if (!Files.isWritable(folder)) {
        throw new AccessDeniedException(folder.toString());
      }
    } catch (IOException e) {
      listener.note("data   cannot use %s (%s)".formatted(folder, DataException.reason(e)));
      return Optional.empty();
    }
    try (Turn _ = await(key)) {
      if (!Files.exists(store)) {
        sweep(key);
        build(key, store, maker);
      }
    }
    return Optional.of(store);
  }

  /** A folder that can be read but has lost its manifest is no other user's: opening it says so. */
  private static boolean isDamaged(Path store) {
    return Files.isReadable(store) && Files.notExists(store.resolve(StoreMeta.META_FILE));
  }

  /** Perhaps a lock: there is none where files cannot be locked. */
  private record Turn(@Nullable FileTurn lock) implements AutoCloseable {
    @Override
    public void close() throws IOException {
      if (lock != null) {
        lock.close();
      }
    }
  }

  private Turn await(String key) throws IOException {
    Path lock = folder.resolve(key + LOCK);
    long begun = System.nanoTime();
    long told = begun - TOLD_EVERY_NANOS;
    while (true) {
      FileTurn.Result result = FileTurn.attempt(lock, owner());
      switch (result.attempt()) {
        case HELD -> {
          return new Turn(result.turn());
        }
        case UNKNOWN -> {
          listener.note("data   %s cannot be locked (%s)".formatted(lock, result.reason()));
          return new Turn(null);
        }
        case BUSY -> {
          long now = System.nanoTime();
          if (now - told >= TOLD_EVERY_NANOS) {
            told = now;
            listener.note(waiting(lock, TimeUnit.NANOSECONDS.toSeconds(now - begun)));
          }
        }
        case AGAIN -> {}
      }
      pause();
    }
  }

  private static String waiting(Path lock, long seconds) {
    String owner = FileTurn.owner(lock);
    return "data   %s is preparing this data; waiting for it%s"
        .formatted(
            owner.isEmpty() ? "another process" : owner,
            seconds == 0 ? "" : " (%,d s so far)".formatted(seconds));
  }

  private static String owner() {
    String host;
    try {
      host = InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException _) {
      host = "this host";
    }
    return "process %d of %s on %s (since %s)"
        .formatted(
            ProcessHandle.current().pid(),
            System.getProperty("user.name"),
            host,
            Instant.now().truncatedTo(ChronoUnit.SECONDS));
  }

  private static void pause() throws IOException {
    try {
      Thread.sleep(RETRY_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while another process prepares this data", e);
    }
  }

  private void build(String key, Path store, Maker maker) throws IOException {
    String random = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    // By the umask, as a temporary folder of the JDK's would be closed to other users for ever.
    Path temporary = Files.createDirectory(folder.resolve(TEMPORARY + key + "-" + random));
    boolean kept = false;
    try {
      try (Turn _ = new Turn(FileTurn.attempt(temporary.resolve(MAKER), owner()).turn())) {
        maker.make(temporary);
      }
      kept = moved(temporary, store);
    } finally {
      if (!kept) {
        StoreWriter.delete(temporary);
      }
    }
  }

  /** Whether it is the store now; else another process was first, with the same content. */
  private static boolean moved(Path temporary, Path store) throws IOException {
    try {
      Files.move(temporary, store, StandardCopyOption.ATOMIC_MOVE);
      return true;
    } catch (IOException e) {
      if (!Files.exists(store)) {
        throw e;
      }
      return false;
    }
  }

  /**
   * Removes what preparations left that ended before their end.
   *
   * @param mine whose lock this process holds
   */
  private void sweep(String mine) {
    try (DirectoryStream<Path> left = Files.newDirectoryStream(folder, TEMPORARY + "*")) {
      for (Path temporary : left) {
        if (isAbandoned(temporary)) {
          StoreWriter.delete(temporary);
          listener.note("data   removed what an ended preparation left, " + temporary);
        }
      }
    } catch (IOException e) {
      listener.note("data   cannot remove what is left in " + folder + ": " + e.getMessage());
    }
    try (DirectoryStream<Path> locks = Files.newDirectoryStream(folder, "*" + LOCK)) {
      for (Path lock : locks) {
        if (!lock.getFileName().toString().equals(mine + LOCK)) {
          FileTurn.abandoned(lock);
        }
      }
    } catch (IOException e) {
      listener.note("data   cannot remove locks in " + folder + ": " + e.getMessage());
    }
  }

  private static boolean isAbandoned(Path temporary) throws IOException {
    Path maker = temporary.resolve(MAKER);
    if (Files.exists(maker)) {
      return FileTurn.abandoned(maker);
    }
    // Just begun, or on a file system without locks, or of an older build.
    return System.currentTimeMillis() - lastWrittenMillis(temporary) > ABANDONED.toMillis();
  }

  /** A folder's own time stands still while the files in it grow. */
  private static long lastWrittenMillis(Path temporary) throws IOException {
    long newest = Files.getLastModifiedTime(temporary).toMillis();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(temporary)) {
      for (Path file : files) {
        newest = Math.max(newest, Files.getLastModifiedTime(file).toMillis());
      }
    }
    return newest;
  }
}
