package dev.gyre.trainer.offload;

/** Activations cannot be written to, or read from, their folder; the message says what to do. */
public final class OffloadException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  OffloadException(String message, Throwable cause) {
    super(message, cause);
  }

  OffloadException(String message) {
    super(message);
  }
}
