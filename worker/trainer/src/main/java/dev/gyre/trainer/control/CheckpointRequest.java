package dev.gyre.trainer.control;

/**
 * The newest request for a checkpoint that has reached this rank. It reaches other ranks earlier or
 * later, perhaps in another step, so no rank acts on its own. In every step the ranks reduce {@link
 * #code} to its maximum, and act when the agreed number is above the last one they served.
 *
 * @param number 1, 2, 3, …; 0 if none was ever asked for. Below 2²³, so its code is exact in f32
 * @param thenStop end after it is written; once asked, later requests say so too
 */
public record CheckpointRequest(long number, boolean thenStop) {
  private static final long MAX_NUMBER = (1L << 23) - 1;

  /** Nothing was asked for. */
  public static final CheckpointRequest NONE = new CheckpointRequest(0, false);

  public CheckpointRequest {
    if (number < 0 || number > MAX_NUMBER) {
      throw new IllegalArgumentException(
          "checkpoint request " + number + " is not in 0 to " + MAX_NUMBER);
    }
  }

  /** Grows with the number, and with {@code thenStop}; all ranks follow the maximum. */
  public long code() {
    return 2 * number + (thenStop ? 1 : 0);
  }

  /** The request with this code. */
  public static CheckpointRequest of(long code) {
    return new CheckpointRequest(code / 2, code % 2 == 1);
  }
}
