package dev.gyre.kernels.torch;

import org.jspecify.annotations.Nullable;

/** What libtorch refused or could not do, in its own words without its native stack. */
final class TorchException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  TorchException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
