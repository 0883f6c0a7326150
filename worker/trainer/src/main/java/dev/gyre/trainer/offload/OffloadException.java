package dev.gyre.trainer.offload;

/** Activations cannot be offloaded to their folder, or read back. The message says what to do. */
public final class OffloadException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  OffloadException(String message, Throwable cause) {
    super(message, cause);
  }

  OffloadException(String message) {
    super(message);
  }
}
