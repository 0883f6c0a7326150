package dev.gyre.partitioning.mesh;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What the ranks along one axis of the mesh divide among themselves. */
public enum Axis {
  /** Rows. */
  DATA("data-parallel"),

  /** The tokens of a row, by ring attention. */
  RING("ring"),

  /** The attention heads of a row. */
  ULYSSES("ulysses"),

  /** Nothing: they hold the same experts. The degree follows from {@link #EXPERT}. */
  EXPERT_REPLICA(""),

  /** The experts. */
  EXPERT("expert-parallel");

  /** Those with a degree of their own. */
  public static final List<Axis> KEYED =
      Arrays.stream(values()).filter(axis -> !axis.key.isEmpty()).toList();

  private final String key;

  Axis(String key) {
    this.key = key;
  }

  /** The key below {@code mesh} that holds the degree; empty if there is none. */
  public String key() {
    return key;
  }

  /** As in {@link Mesh#ORDERS}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
