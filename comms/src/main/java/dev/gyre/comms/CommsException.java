package dev.gyre.comms;

/**
 * A transfer that cannot complete: its peer does not answer, is late, has exited, or sent a
 * different message. The error message names rank, peer, channel, collective, layer and step.
 */
public class CommsException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final int peer;

  /**
   * @param peer the peer of the failed transfer, −1 if no single one
   */
  public CommsException(int peer, String message) {
    super(message);
    this.peer = peer;
  }

  public int peer() {
    return peer;
  }
}
