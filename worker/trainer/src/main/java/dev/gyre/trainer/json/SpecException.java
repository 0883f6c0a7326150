package dev.gyre.trainer.json;

/**
 * A file that does not hold the record it should: the message names the file, the field and why.
 */
public final class SpecException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  SpecException(String message, Throwable cause) {
    super(message, cause);
  }
}
