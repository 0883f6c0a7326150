package dev.gyre.partitioning.model;

/**
 * Names of a decoder's weights, as checkpoints hold them: {@code embedding.weight}, {@code
 * layers.3.mixer.query}, {@code layers.3.feed_forward.experts.5.gate}, {@code head.norm}. Names of
 * published formats are mapped where those are read and written.
 */
public final class TensorNames {
  public static final String EMBEDDING = "embedding.weight";
  public static final String FINAL_NORM = "head.norm";
  public static final String HEAD = "head.weight";

  private final String mixer;
  private final String feedForward;

  /** Names of one decoder layer. */
  public TensorNames(int layer) {
    mixer = "layers." + layer + ".mixer.";
    feedForward = "layers." + layer + ".feed_forward.";
  }

  /** The norm before the mixer. */
  public String mixerNorm() {
    return mixer + "norm";
  }

  public String query() {
    return mixer + "query";
  }

  public String key() {
    return mixer + "key";
  }

  public String value() {
    return mixer + "value";
  }

  /** The norm of a linear layer's attention, before its output projection. */
  public String attentionNorm() {
    return mixer + "output_norm";
  }

  public String attentionOutput() {
    return mixer + "output";
  }

  /** The norm before the MLP or the router and experts. */
  public String feedForwardNorm() {
    return feedForward + "norm";
  }

  public String gate() {
    return feedForward + "gate";
  }

  public String up() {
    return feedForward + "up";
  }

  public String down() {
    return feedForward + "down";
  }

  public String router() {
    return feedForward + "router";
  }

  public String expertGate(int expert) {
    return expert(expert) + "gate";
  }

  public String expertUp(int expert) {
    return expert(expert) + "up";
  }

  public String expertDown(int expert) {
    return expert(expert) + "down";
  }

  private String expert(int expert) {
    return feedForward + "experts." + expert + ".";
  }
}
