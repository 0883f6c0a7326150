package dev.gyre.kernels.torch;

/** What libtorch refused or could not do, in its own words without its native stack. */
final class TorchException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  TorchException(String message, Throwable cause) {
    super(message, cause);
  }
}
