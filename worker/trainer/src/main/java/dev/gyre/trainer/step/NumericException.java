package dev.gyre.trainer.step;

/** A loss or gradient norm that is not finite; the message names step, layer and rank. */
public final class NumericException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public NumericException(String message) {
    super(message);
  }
}
