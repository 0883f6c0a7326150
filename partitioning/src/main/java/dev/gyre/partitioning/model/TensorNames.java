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
  static final String SELECTION_BIAS = "selection_bias";

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

  public String queryBias() {
    return mixer + "query_bias";
  }

  public String keyBias() {
    return mixer + "key_bias";
  }

  public String valueBias() {
    return mixer + "value_bias";
  }

  public String queryNorm() {
    return mixer + "query_norm";
  }

  public String keyNorm() {
    return mixer + "key_norm";
  }

  /** A score for each head that enters its softmax. */
  public String sinkLogits() {
    return mixer + "sink_logits";
  }

  /** From the residual stream to the latent of the queries. */
  public String queryDown() {
    return mixer + "query_down";
  }

  public String queryDownBias() {
    return mixer + "query_down_bias";
  }

  public String queryLatentNorm() {
    return mixer + "query_latent_norm";
  }

  /** From the residual stream to the latent of keys and values, and to the rotated key. */
  public String keyValueDown() {
    return mixer + "key_value_down";
  }

  public String keyValueDownBias() {
    return mixer + "key_value_down_bias";
  }

  public String keyValueLatentNorm() {
    return mixer + "key_value_latent_norm";
  }

  /** From the latent to the keys' part that is not rotated and the values, head by head. */
  public String keyValueUp() {
    return mixer + "key_value_up";
  }

  /** The norm of a linear layer's attention, before its output projection. */
  public String attentionNorm() {
    return mixer + "output_norm";
  }

  public String attentionOutput() {
    return mixer + "output";
  }

  public String attentionOutputBias() {
    return mixer + "output_bias";
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

  public String gateBias() {
    return feedForward + "gate_bias";
  }

  public String upBias() {
    return feedForward + "up_bias";
  }

  public String downBias() {
    return feedForward + "down_bias";
  }

  public String router() {
    return feedForward + "router";
  }

  public String routerBias() {
    return feedForward + "router_bias";
  }

  /** Added to the router's scores for the choice of experts alone; not trained. */
  public String selectionBias() {
    return feedForward + SELECTION_BIAS;
  }

  /** The expert that every token is computed by. */
  public String sharedGate() {
    return feedForward + "shared.gate";
  }

  public String sharedUp() {
    return feedForward + "shared.up";
  }

  public String sharedDown() {
    return feedForward + "shared.down";
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

  public String expertGateBias(int expert) {
    return expert(expert) + "gate_bias";
  }

  public String expertUpBias(int expert) {
    return expert(expert) + "up_bias";
  }

  public String expertDownBias(int expert) {
    return expert(expert) + "down_bias";
  }

  private String expert(int expert) {
    return feedForward + "experts." + expert + ".";
  }
}
