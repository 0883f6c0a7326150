package dev.gyre.comms;

/**
 * Independent streams of every ordered pair of ranks. Within one channel, receives match sends in
 * program order.
 */
public enum Channel {
  CONTROL(0),
  SEQUENCE(1),
  EXPERTS(2),
  GRADIENTS(3);

  private final int code;

  Channel(int code) {
    this.code = code;
  }

  /** The channel's number on the wire and in tables, from 0 without gaps. */
  public int code() {
    return code;
  }
}
