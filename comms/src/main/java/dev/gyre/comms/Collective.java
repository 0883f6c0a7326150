package dev.gyre.comms;

import java.util.Locale;

/**
 * The kind of collective that a message belongs to, for counters and error messages. It is part of
 * a message's tag, so members of a group that call different collectives get an error.
 */
public enum Collective {
  /** Messages of no collective. */
  POINT_TO_POINT,
  /** Messages of an attention schedule. */
  RING,
  /** Ulysses: tokens exchanged for heads, and back. */
  ALL_TO_ALL,
  /** Rows sent to their experts, and in backward the output gradients of the experts. */
  DISPATCH,
  /** Rows returned from their experts. */
  COMBINE,
  /** States of linear attention. */
  STATE,
  /** Tokens moved between the row's layout and the layout of linear attention. */
  MOVE,
  ALL_REDUCE,
  REDUCE_SCATTER,
  ALL_GATHER,
  BROADCAST;

  private final String key = name().toLowerCase(Locale.ROOT).replace('_', '-');

  /** The key in {@link Counters#bytesSent}, metrics and traces, for example {@code all-to-all}. */
  public String key() {
    return key;
  }
}
