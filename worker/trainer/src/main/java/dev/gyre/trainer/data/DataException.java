package dev.gyre.trainer.data;

import java.io.IOException;

/** Data that cannot be used. The message names the file or key, the fault, and what to do. */
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

  /** The fault in words: the type of most file exceptions says more than their message. */
  static String reason(IOException e) {
    return e.getClass().getSimpleName() + ": " + e.getMessage();
  }
}
