package dev.gyre.partitioning.mesh;

/**
 * The single rule for dividing n things (heads, experts, tokens, chunks) among p ranks: contiguous
 * runs whose sizes differ by at most one, larger ones first.
 */
public final class EvenCut {
  private EvenCut() {}

  /** First element of a part; {@code start(n, p, p) == n}. */
  public static long start(long n, int parts, int part) {
    long base = n / parts;
    long extra = n % parts;
    return part * base + Math.min(part, extra);
  }

  public static long count(long n, int parts, int part) {
    return start(n, parts, part + 1) - start(n, parts, part);
  }
}
