package dev.gyre.comms;

import java.util.Locale;

/**
 * What messages are counted as, and what errors call them. Part of a message's tag, so that members
 * of a group that have entered different collectives notice.
 */
public enum Collective {
  /** What belongs to none. */
  POINT_TO_POINT,
  /** What an attention schedule sends. */
  RING,
  /** Tokens for heads and back, with Ulysses. */
  ALL_TO_ALL,
  /** Rows to their experts, and gradients of what the experts returned. */
  DISPATCH,
  /** Rows back from their experts. */
  COMBINE,
  /** States of linear attention. */
  STATE,
  /** Tokens between the row's layout and the layout of linear attention. */
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
