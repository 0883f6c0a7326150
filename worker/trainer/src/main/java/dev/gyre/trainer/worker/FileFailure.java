package dev.gyre.trainer.worker;

import dev.gyre.comms.SystemLimits;
import dev.gyre.comms.control.FailureKind;
import dev.gyre.trainer.files.StorageException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.List;
import java.util.Locale;

/** What files and their systems answer, in words: always the file, the reason and the way out. */
final class FileFailure {
  /** What another try will not change. */
  private static final List<String> LASTING =
      List.of(
          "read-only file system",
          "is a directory",
          "not a directory",
          "file name too long",
          "invalid argument",
          "operation not permitted",
          "too many levels of symbolic links");

  private FileFailure() {}

  static Failure of(IOException e) {
    return switch (e) {
      case CharacterCodingException f ->
          job("text that is not UTF-8 (" + f.getClass().getSimpleName() + ": " + reason(f) + ")");
      case NoSuchFileException f -> job(named(f, "no such file or folder"));
      case AccessDeniedException f -> job(named(f, "access is denied"));
      case NotDirectoryException f -> job(named(f, "is not a folder"));
      case DirectoryNotEmptyException f -> job(named(f, "the folder is not empty"));
      case FileAlreadyExistsException f -> job(named(f, "exists already"));
      case FileNotFoundException f -> job(reason(f));
      case FileSystemException f -> classified(named(f, f.getClass().getSimpleName()));
      default -> classified(reason(e));
    };
  }

  /** Its message has the file and the advice already. */
  static Failure of(StorageException e) {
    String message = String.valueOf(e.getMessage());
    return e.isLasting() || isLasting(message)
        ? job(message)
        : Failure.of(FailureKind.FAILURE_KIND_STORAGE, message);
  }

  /** A full disk may be emptied; a read-only one stays so. */
  private static Failure classified(String message) {
    return isLasting(message)
        ? job(message)
        : Failure.of(
            FailureKind.FAILURE_KIND_STORAGE, message + advice(message.toLowerCase(Locale.ROOT)));
  }

  private static boolean isLasting(String message) {
    String lower = message.toLowerCase(Locale.ROOT);
    return LASTING.stream().anyMatch(lower::contains);
  }

  private static String advice(String lower) {
    if (lower.contains("no space left") || lower.contains("quota exceeded")) {
      return "; free some space, then try again";
    }
    return SystemLimits.advice(lower).map(advice -> "; " + advice).orElse("");
  }

  private static Failure job(String message) {
    return Failure.of(FailureKind.FAILURE_KIND_JOB, message);
  }

  private static String named(FileSystemException e, String otherwise) {
    String reason = e.getReason() == null ? otherwise : e.getReason();
    String file = e.getFile() == null ? "" : e.getFile() + ": ";
    return e.getOtherFile() == null ? file + reason : file + e.getOtherFile() + ": " + reason;
  }

  private static String reason(IOException e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  static String unusableName(InvalidPathException e) {
    String encoding = System.getProperty("sun.jnu.encoding", "");
    return "'%s' cannot be the name of a file here: %s%s"
        .formatted(
            e.getInput(),
            e.getReason(),
            encoding.equals("UTF-8")
                ? ""
                : " (names are encoded in %s; set LC_ALL=C.UTF-8)".formatted(encoding));
  }
}
