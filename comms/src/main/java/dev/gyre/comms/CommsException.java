package dev.gyre.comms;

/**
 * A transfer that will not complete: its peer is silent, late, gone, or sent something else. The
 * message names rank, peer, channel, collective, layer and step.
 */
public class CommsException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final int peer;

  /**
   * @param peer the rank waited for, −1 if no single one
   */
  public CommsException(int peer, String message) {
    super(message);
    this.peer = peer;
  }

  public int peer() {
    return peer;
  }
}
