package dev.gyre.partitioning.plan;

/** Pairs of the causal mask. */
final class CausalArea {
  private CausalArea() {}

  /**
   * Σ min(p, window) for p from 1 to length: all pairs of one document.
   *
   * @param window keys a query sees, itself included; 0 for all before it
   */
  static long of(long length, long window) {
    if (window == 0 || window >= length) {
      return length * (length + 1) / 2;
    }
    return window * (window + 1) / 2 + (length - window) * window;
  }
}
