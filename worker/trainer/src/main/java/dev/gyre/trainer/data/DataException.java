package dev.gyre.trainer.data;

import java.io.IOException;

/** Data that cannot be used. The message names the file or key, what is wrong, and the way out. */
public final class DataException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public DataException(String message) {
    super(message);
  }

  public DataException(String message, Throwable cause) {
    super(message, cause);
  }

  static DataException io(String doing, IOException e) {
    return new DataException(doing + ": " + reason(e), e);
  }

  /** What went wrong, in words: the type says more than the message of most file exceptions. */
  private static String reason(IOException e) {
    return e.getClass().getSimpleName() + ": " + e.getMessage();
  }
}
