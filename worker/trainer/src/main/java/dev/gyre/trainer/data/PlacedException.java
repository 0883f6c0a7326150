package dev.gyre.trainer.data;

import org.jspecify.annotations.Nullable;

/** A document that stops the preparation, found in a batch that does not know where it begins. */
final class PlacedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int file;
  private final long line;

  /**
   * @param file index of the file among all of the dataset
   * @param line in the batch's part of the file, from 1; 0 for the whole file
   */
  PlacedException(int file, long line, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.file = file;
    this.line = line;
  }

  int file() {
    return file;
  }

  long line() {
    return line;
  }
}
