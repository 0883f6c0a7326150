package dev.gyre.partitioning.layout;

import java.util.Locale;

/** How a row's tokens are assigned to the ranks of a ring. */
public enum LayoutKind {
  /** Even consecutive cuts of the row. Causal work grows with the rank. */
  CONTIGUOUS,
  /**
   * Row position p at ring rank p mod P. Source: Brandon et al., Striped Attention, section 3.2.
   */
  STRIPED,
  /** Each document's chunks r and 2P − 1 − r go to ring rank r; short documents are not cut. */
  ZIGZAG;

  /** The name in job files and plans. */
  public String key() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The kind of a key; any other text is an error. */
  public static LayoutKind of(String key) {
    for (LayoutKind kind : values()) {
      if (kind.key().equals(key)) {
        return kind;
      }
    }
    throw new IllegalArgumentException(
        "layout '" + key + "' must be contiguous, striped or zigzag");
  }
}
