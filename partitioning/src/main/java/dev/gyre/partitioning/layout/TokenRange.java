package dev.gyre.partitioning.layout;

/** Consecutive positions {@code [start, start + length)}. */
public record TokenRange(int start, int length) {
  public TokenRange {
    if (start < 0 || length < 0) {
      throw new IllegalArgumentException("run " + start + "+" + length);
    }
  }

  public int end() {
    return start + length;
  }
}
