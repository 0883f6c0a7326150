package dev.gyre.partitioning.model;

import dev.gyre.partitioning.model.TensorSpec.Precision;

/**
 * Number of a model's parameters, by use: sums over its tensors.
 *
 * @param embedding token embedding; also the head's weights if those are tied
 * @param head untied output projection; 0 if tied
 * @param vectors all norms and biases outside of experts
 * @param exactMatrices matrices held in f32 with any compute dtype: routers
 * @param matrices all other matrices outside of experts
 * @param expert one expert without its biases, summed over all layers that have experts
 * @param expertBiases the same expert's biases
 * @param experts experts per MoE layer
 * @param expertsPerToken experts per token (top-k)
 */
public record ModelSize(
    long embedding,
    long head,
    long vectors,
    long exactMatrices,
    long matrices,
    long expert,
    long expertBiases,
    int experts,
    int expertsPerToken) {

  public static ModelSize of(ModelSpec model) {
    long embedding = (long) model.vocabulary() * model.width();
    long vectors = 0;
    long exact = 0;
    long matrices = 0;
    long expert = 0;
    long expertBiases = 0;
    for (int layer = 0; layer < model.depth(); layer++) {
      for (TensorSpec tensor : model.layerTensors(layer, 0, 1)) {
        if (tensor.isExpert() && tensor.precision() == Precision.F32) {
          expertBiases += tensor.elements();
        } else if (tensor.isExpert()) {
          expert += tensor.elements();
        } else if (tensor.isVector()) {
          vectors += tensor.elements();
        } else if (tensor.precision() == Precision.F32) {
          exact += tensor.elements();
        } else {
          matrices += tensor.elements();
        }
      }
    }
    long head = 0;
    for (TensorSpec tensor : model.headTensors()) {
      vectors += tensor.isVector() ? tensor.elements() : 0;
      head += tensor.isVector() ? 0 : tensor.elements();
    }
    return new ModelSize(
        embedding,
        head,
        vectors,
        exact,
        matrices,
        expert,
        expertBiases,
        model.experts(),
        model.expertsPerToken());
  }

  /** All distinct parameters. */
  public long total() {
    return dense() + (expert + expertBiases) * experts;
  }

  /** Active parameters: those that one token is computed with. */
  public long active() {
    return dense() + (expert + expertBiases) * expertsPerToken;
  }

  /** Parameters every rank holds: all but the experts'. */
  public long dense() {
    return embedding + head + vectors + exactMatrices + matrices;
  }

  /**
   * Parameters outside of experts held in f32 with any compute dtype: norms, biases and routers.
   */
  public long alwaysF32() {
    return vectors + exactMatrices;
  }

  /**
   * Weights of one token's matmuls: without embedding look-up and norms, with the head even if it
   * is tied.
   */
  public long multiplied() {
    return matrices + exactMatrices + embedding + expert * expertsPerToken;
  }
}
