package dev.gyre.partitioning.model;

import java.util.List;

/** How a layer's tokens choose experts. */
public sealed interface RouterSpec {
  /** Most experts that a token is computed by. */
  int perToken();

  List<TensorSpec> tensors(LayerTensors layer, int experts);

  /**
   * Softmax over all experts; a token takes the k most probable, with weights renormalised to 1.
   * Source: Jiang et al., Mixtral of Experts, section 2.1.
   *
   * @param perToken k
   */
  record TopK(int perToken) implements RouterSpec {
    /** The router's weights are F32 with any compute dtype. */
    @Override
    public List<TensorSpec> tensors(LayerTensors layer, int experts) {
      return List.of(layer.exactMatrix(layer.names().router(), experts, layer.width()));
    }
  }
}
