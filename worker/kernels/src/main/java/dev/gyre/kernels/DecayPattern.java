package dev.gyre.kernels;

/**
 * Decay of linear attention: which key/value head each query head reads, how fast its state decays,
 * and where the state is reset. Immutable; created once per row and used by many calls.
 */
public final class DecayPattern {
  private final int[] kvHeadOf;
  private final float[] slopes;
  private final int[] resets;

  /**
   * @param kvHeadOf key/value head of each query head
   * @param slopes of each query head, s ≥ 0: a token n positions back counts λⁿ, λ = exp(−s)
   * @param resets tokens before which the state is set to zero, in ascending order: each document's
   *     first token among the call's tokens; empty if all tokens continue an earlier document
   */
  public DecayPattern(int[] kvHeadOf, float[] slopes, int[] resets) {
    if (kvHeadOf.length != slopes.length) {
      throw new IllegalArgumentException(
          "%d heads but %d slopes".formatted(kvHeadOf.length, slopes.length));
    }
    for (int h = 0; h < slopes.length; h++) {
      if (!(slopes[h] >= 0)) {
        throw new IllegalArgumentException("slopes[%d] is %s, below 0".formatted(h, slopes[h]));
      }
    }
    for (int i = 0; i < resets.length; i++) {
      if (resets[i] < (i == 0 ? 0 : resets[i - 1] + 1)) {
        throw new IllegalArgumentException(
            "resets[%d] is %d, not above the one before".formatted(i, resets[i]));
      }
    }
    this.kvHeadOf = kvHeadOf.clone();
    this.slopes = slopes.clone();
    this.resets = resets.clone();
  }

  /** H, the query heads; each has its own state. */
  public int heads() {
    return kvHeadOf.length;
  }

  public int kvHeadOf(int head) {
    return kvHeadOf[head];
  }

  public float slope(int head) {
    return slopes[head];
  }

  public int resets() {
    return resets.length;
  }

  public int reset(int i) {
    return resets[i];
  }

  /** λⁿ of a head. */
  public double decay(int head, long n) {
    return StrictMath.exp(-(double) slopes[head] * n);
  }
}
