package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.ModelSpec;

/**
 * Parameters of a model, by use.
 *
 * @param embedding token embedding; also the head's weights if those are tied
 * @param head untied output projection; 0 if tied
 * @param norms all RMSNorm weights
 * @param attention q, k, v and output projections of all layers
 * @param mlp dense MLPs of all layers that have one
 * @param routers of all MoE layers
 * @param expert one expert of one layer
 * @param moeLayers layers with experts
 * @param experts experts per MoE layer
 * @param expertsPerToken experts per token (top-k)
 */
public record ModelSize(
    long embedding,
    long head,
    long norms,
    long attention,
    long mlp,
    long routers,
    long expert,
    int moeLayers,
    int experts,
    int expertsPerToken) {

  public static ModelSize of(ModelSpec model) {
    long hidden = model.hiddenSize();
    long layers = model.numHiddenLayers();
    int moeLayers = 0;
    for (int layer = 0; layer < model.numHiddenLayers(); layer++) {
      moeLayers += model.isMoe(layer) ? 1 : 0;
    }
    long embedding = model.vocabSize() * hidden;
    // A linear layer has one more norm, of its output. q and o are hidden × (query heads · head
    // size); k and v the same for their heads.
    long heads = 2L * model.numAttentionHeads() + 2L * model.numKeyValueHeads();
    // w1, w2 and w3, whether of an expert or of a dense layer.
    long gated = 3 * hidden * model.intermediateSize();
    return new ModelSize(
        embedding,
        model.tieWordEmbeddings() ? 0 : embedding,
        (2 * layers + 1) * hidden
            + (long) model.linearLayers() * model.numAttentionHeads() * model.headDim(),
        layers * heads * model.headDim() * hidden,
        (layers - moeLayers) * gated,
        hidden * moeLayers * model.numLocalExperts(),
        moeLayers == 0 ? 0 : gated,
        moeLayers,
        moeLayers == 0 ? 0 : model.numLocalExperts(),
        moeLayers == 0 ? 0 : model.numExpertsPerTok());
  }

  /** All distinct parameters. */
  public long total() {
    return dense() + expert * moeLayers * experts;
  }

  /** Active parameters: those that one token is computed with. */
  public long active() {
    return dense() + expert * moeLayers * expertsPerToken;
  }

  /** Parameters every rank holds: all but the experts'. */
  public long dense() {
    return embedding + head + norms + attention + mlp + routers;
  }

  /** Parameters held in f32 with any compute dtype: norms and routers. */
  public long alwaysF32() {
    return norms + routers;
  }

  /** Parameters of the experts of one expert rank. */
  public long expertsOf(ExpertPlacement placement, int expertRank) {
    return expert * moeLayers * placement.count(expertRank);
  }

  /**
   * Weights of one token's matmuls: without embedding look-up and norms, with the head even if it
   * is tied.
   */
  public long multiplied() {
    return attention + mlp + routers + embedding + expert * moeLayers * expertsPerToken;
  }
}
