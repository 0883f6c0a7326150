package dev.gyre.trainer.checkpoint;

import dev.gyre.trainer.files.StorageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/** Writes files so that a crash at any time leaves each whole or absent. */
public final class DurableFiles {
  /** Suffix of unfinished files. */
  static final String UNFINISHED = ".part";

  private DurableFiles() {}

  /**
   * Replaces a file's text. After a crash the file holds the old text or the new one, never a part.
   *
   * @throws StorageException if storage fails, naming the file; the old text is then still there
   */
  public static void replace(Path file, String text) throws StorageException {
    finish(file, unfinished -> writeSynced(unfinished, text));
  }

  /** Copies a file; the target is replaced in full or not at all. */
  public static void copy(Path from, Path to) throws StorageException {
    finish(to, unfinished -> copySynced(from, unfinished));
  }

  /**
   * Copies a file's bytes and syncs them to disk; the copy may be written, whatever the original.
   */
  static void copySynced(Path from, Path to) throws IOException {
    Files.deleteIfExists(to);
    try (FileChannel in = FileChannel.open(from, StandardOpenOption.READ);
        FileChannel out =
            FileChannel.open(to, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      long size = in.size();
      for (long at = 0; at < size; ) {
        at += in.transferTo(at, size - at, out);
      }
      out.force(true);
    }
  }

  @FunctionalInterface
  private interface Writing {
    void write(Path unfinished) throws IOException;
  }

  private static void finish(Path file, Writing writing) throws StorageException {
    Path unfinished = unfinished(file);
    try {
      writing.write(unfinished);
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
      syncFolder(parent(file));
    } catch (IOException failed) {
      discard(unfinished, failed);
      throw StorageException.of(file, failed);
    }
  }

  private static void discard(Path unfinished, IOException because) {
    try {
      Files.deleteIfExists(unfinished);
    } catch (IOException alsoFailed) {
      because.addSuppressed(alsoFailed);
    }
  }

  /** The name under which a file is written before it is finished. */
  static Path unfinished(Path file) {
    return file.resolveSibling(file.getFileName() + UNFINISHED);
  }

  /**
   * Writes a text and syncs it to disk.
   *
   * @throws StorageException if storage fails, naming the file
   */
  static void write(Path file, String text) throws StorageException {
    try {
      writeSynced(file, text);
    } catch (IOException failed) {
      throw StorageException.of(file, failed);
    }
  }

  private static void writeSynced(Path file, String text) throws IOException {
    try (FileChannel out =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
      out.force(true);
    }
  }

  /** Forces a file that was just written to disk. */
  static void sync(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
  }

  /** Syncs a folder to disk; after that, the names in it survive a power failure. */
  static void syncFolder(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  private static Path parent(Path file) {
    Path parent = file.getParent();
    return parent == null ? Path.of("") : parent;
  }

  /** Deletes a file, or a folder with everything in it; nothing if there is none. */
  public static void delete(Path path) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    Files.walkFileTree(
        path,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException failed)
              throws IOException {
            if (failed != null) {
              throw failed;
            }
            Files.delete(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
