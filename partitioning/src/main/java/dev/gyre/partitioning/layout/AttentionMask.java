package dev.gyre.partitioning.layout;

/**
 * Which keys a query sees, besides that both are of one document and the key is not after the
 * query.
 *
 * @param window keys a query sees, itself included; 0 for all before it
 */
public record AttentionMask(int window) {
  /** All keys before the query. */
  public static final AttentionMask CAUSAL = new AttentionMask(0);

  public AttentionMask {
    if (window < 0) {
      throw new IllegalArgumentException("window " + window + " is negative");
    }
  }

  /**
   * A sliding window.
   *
   * @param keys keys a query sees, itself included; 0 for all before it
   */
  public static AttentionMask window(int keys) {
    return new AttentionMask(keys);
  }

  @Override
  public String toString() {
    return window == 0 ? "causal" : "window " + window;
  }
}
