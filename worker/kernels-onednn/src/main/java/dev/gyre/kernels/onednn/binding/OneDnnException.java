package dev.gyre.kernels.onednn.binding;

import org.jspecify.annotations.Nullable;

/** oneDNN cannot be used on this machine, or a call failed; the message is one line. */
public final class OneDnnException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  OneDnnException(String message) {
    super(message);
  }

  OneDnnException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
