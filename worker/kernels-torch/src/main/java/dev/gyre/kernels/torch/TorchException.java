package dev.gyre.kernels.torch;

import org.jspecify.annotations.Nullable;

/** An error of libtorch: its own message without the native stack trace. */
final class TorchException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  TorchException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
