package dev.gyre.comms;

import java.util.Locale;

/**
 * The kind of collective that a message belongs to, for counters and error messages. It is part of
 * a message's tag, so members of a group that call different collectives get an error.
 */
public enum Collective {
  /** Messages of no collective. */
  POINT_TO_POINT(0),
  /** Messages of an attention schedule. */
  RING(1),
  /** Ulysses: tokens exchanged for heads, and back. */
  ALL_TO_ALL(2),
  /** Rows sent to their experts, and in backward the output gradients of the experts. */
  DISPATCH(3),
  /** Rows returned from their experts. */
  COMBINE(4),
  /** States of linear attention. */
  STATE(5),
  /** Tokens moved between the row's layout and the layout of linear attention. */
  MOVE(6),
  ALL_REDUCE(7),
  REDUCE_SCATTER(8),
  ALL_GATHER(9),
  BROADCAST(10);

  private final int tag;
  private final String key = name().toLowerCase(Locale.ROOT).replace('_', '-');

  Collective(int tag) {
    this.tag = tag;
  }

  /** The collective in a message's tag: one number each, below 128, the same in every build. */
  int tag() {
    return tag;
  }

  /** The key in {@link Counters#bytesSent}, metrics and traces, for example {@code all-to-all}. */
  public String key() {
    return key;
  }
}
