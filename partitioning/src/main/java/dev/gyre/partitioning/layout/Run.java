package dev.gyre.partitioning.layout;

/** Consecutive positions {@code [start, start + length)}. */
public record Run(int start, int length) {
  public Run {
    if (start < 0 || length < 0) {
      throw new IllegalArgumentException("run " + start + "+" + length);
    }
  }

  public int end() {
    return start + length;
  }
}
