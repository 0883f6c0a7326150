package dev.gyre.partitioning.mask;

/**
 * Which keys a query sees. With p and s the places of query and key in their documents:
 *
 * <ul>
 *   <li>of its own document, all with s <= p; with a window only those with p − s < window, and
 *       those with s < sinks;
 *   <li>if p and s are both below {@code prefix}, the key also where it comes after the query;
 *   <li>with an anchor, the first token of the row.
 * </ul>
 *
 * <p>Masks that show the same are equal: sinks count only with a window, and a prefix of one token
 * sees itself anyway. Sources: Xiao et al., Efficient Streaming Language Models with Attention
 * Sinks, section 3.2; Wang et al., When Precision Meets Position, section 4 (AnchorAttention);
 * Raffel et al., T5, section 3.2.1 (prefix LM).
 *
 * @param window keys a query sees, itself included; 0 for all before it
 * @param sinks first tokens of a document that stay visible outside of the window
 * @param anchor whether every document sees the row's first token
 * @param prefix first tokens of a document that see each other both ways; 0 for none
 */
public record AttentionMask(int window, int sinks, boolean anchor, int prefix) {
  /** All keys before the query. */
  public static final AttentionMask CAUSAL = new AttentionMask(0, 0, false, 0);

  public AttentionMask {
    if (window < 0 || sinks < 0 || prefix < 0) {
      throw new IllegalArgumentException(
          "window %d, sinks %d or prefix %d is negative".formatted(window, sinks, prefix));
    }
    sinks = window == 0 ? 0 : sinks;
    prefix = prefix == 1 ? 0 : prefix;
  }

  /**
   * A sliding window.
   *
   * @param keys keys a query sees, itself included; 0 for all before it
   */
  public static AttentionMask window(int keys) {
    return new AttentionMask(keys, 0, false, 0);
  }

  public AttentionMask withSinks(int tokens) {
    return new AttentionMask(window, tokens, anchor, prefix);
  }

  public AttentionMask withAnchor() {
    return new AttentionMask(window, sinks, true, prefix);
  }

  public AttentionMask withPrefix(int tokens) {
    return new AttentionMask(window, sinks, anchor, tokens);
  }

  /** Whether no query sees a key after itself. */
  public boolean causal() {
    return prefix == 0;
  }

  /**
   * First tokens of a document that its own queries see outside of the window. For the first
   * document they include the anchor.
   */
  public int sinksOf(int document) {
    return window > 0 && anchor && document == 0 ? Math.max(1, sinks) : sinks;
  }

  /** Whether a document's queries see the anchor as a key of another document. */
  public boolean seesAnchorElsewhere(int document) {
    return anchor && document > 0;
  }

  @Override
  public String toString() {
    return (window == 0 ? "causal" : "window " + window)
        + (sinks == 0 ? "" : ", sinks " + sinks)
        + (anchor ? ", anchor" : "")
        + (prefix == 0 ? "" : ", prefix " + prefix);
  }
}
