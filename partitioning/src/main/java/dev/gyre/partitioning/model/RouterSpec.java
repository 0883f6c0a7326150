package dev.gyre.partitioning.model;

import java.util.List;

/** How a layer's tokens choose experts. */
public sealed interface RouterSpec {
  /** Most experts that a token is computed by. */
  int perToken();

  List<TensorSpec> tensors(LayerTensors layer, int experts);

  /** Names of the terms that it adds to the loss, in the order of metrics. */
  List<String> lossTerms();

  /**
   * Softmax over all experts; a token takes the k most probable, with weights renormalised to 1.
   * Source: Jiang et al., Mixtral of Experts, section 2.1.
   *
   * @param perToken k
   */
  record TopK(int perToken) implements RouterSpec {
    /**
     * E·Σ fₑPₑ of each layer and row: f is the share of the row's choices that an expert gets, P
     * its mean probability. Source: Fedus et al., Switch Transformers, eq. 4, divided by k.
     */
    public static final String BALANCE = "balance";

    /** Mean squared log-sum-exp of the router's logits. Source: Zoph et al., ST-MoE, eq. 5. */
    public static final String Z = "z";

    /** The router's weights are F32 with any compute dtype. */
    @Override
    public List<TensorSpec> tensors(LayerTensors layer, int experts) {
      return List.of(layer.exactMatrix(layer.names().router(), experts, layer.width()));
    }

    @Override
    public List<String> lossTerms() {
      return List.of(BALANCE, Z);
    }
  }
}
