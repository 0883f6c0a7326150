package dev.gyre.trainer.files;

import dev.gyre.comms.SystemLimits;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;

/**
 * A file cannot be written. The message names the file, the system's reason, and what to do: {@code
 * runs/a/metrics.jsonl: No space left on device; free some and continue with --resume}.
 */
public final class StorageException extends IOException {
  private static final long serialVersionUID = 1L;

  private StorageException(String message, Throwable cause) {
    super(message, cause);
  }

  /**
   * @param file that was written when it failed; the system may name another one
   */
  public static StorageException of(Path file, IOException cause) {
    if (cause instanceof StorageException named) {
      return named;
    }
    String reason = reason(cause);
    return new StorageException(named(file, cause) + ": " + reason + advice(reason), cause);
  }

  /**
   * Of a file whose size is known: on a full disk the message has that size and the free space.
   *
   * @param bytes of the whole file
   */
  public static StorageException of(Path file, long bytes, IOException cause) {
    String reason = reason(cause);
    if (cause instanceof StorageException || !isFull(reason)) {
      return of(file, cause);
    }
    return new StorageException(
        named(file, cause) + ": " + reason + room(file, bytes) + advice(reason), cause);
  }

  private static String room(Path file, long bytes) {
    try {
      long free = Files.getFileStore(file.toAbsolutePath().getParent()).getUsableSpace();
      return String.format(
          Locale.ROOT, " (it takes %.1f MB, %.1f MB are free)", bytes / 1e6, free / 1e6);
    } catch (IOException unknown) {
      return String.format(Locale.ROOT, " (it takes %.1f MB)", bytes / 1e6);
    }
  }

  /** The same with what was being done, such as {@code saving step 100}. */
  public StorageException during(String what) {
    return new StorageException(what + ": " + getMessage(), this);
  }

  /** Another try will not change it: permissions, not room. */
  public boolean isLasting() {
    return getCause() instanceof AccessDeniedException
        || (getCause() instanceof StorageException inner && inner.isLasting());
  }

  private static boolean isFull(String reason) {
    return reason.contains("No space left on device") || reason.contains("Disk quota exceeded");
  }

  private static String advice(String reason) {
    if (isFull(reason)) {
      return "; free some and continue with --resume";
    }
    return SystemLimits.advice(reason)
        .map(what -> "; " + what + " and continue with --resume")
        .orElse("");
  }

  private static String named(Path file, IOException cause) {
    return cause instanceof FileSystemException f && f.getFile() != null
        ? f.getFile()
        : file.toString();
  }

  private static String reason(IOException cause) {
    return switch (cause) {
      case FileSystemException f when f.getReason() != null -> f.getReason();
      case NoSuchFileException _ -> "no such file or folder";
      case AccessDeniedException _ -> "permission denied";
      case FileAlreadyExistsException _ -> "there is a file already";
      default -> cause.getMessage() == null ? cause.toString() : cause.getMessage();
    };
  }
}
