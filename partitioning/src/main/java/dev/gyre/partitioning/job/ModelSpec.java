package dev.gyre.partitioning.job;

import dev.gyre.partitioning.mask.AttentionMask;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A decoder of the Llama / Mixtral family. Field names follow the Hugging Face {@code config.json}
 * keys in camel case.
 *
 * @param modelType {@code mixtral} (experts) or {@code llama} (all layers dense)
 * @param intermediateSize width of an expert's, or a dense layer's, hidden layer
 * @param numLocalExperts experts per MoE layer; 0 for an all-dense model
 * @param numExpertsPerTok experts each token visits
 * @param attention which tokens each layer mixes
 * @param mlpOnlyLayers layers with a dense MLP instead of experts
 * @param initializerRange standard deviation of initial weights; 0 for 1/√fan-in
 */
public record ModelSpec(
    String modelType,
    int vocabSize,
    int hiddenSize,
    int numHiddenLayers,
    int numAttentionHeads,
    int numKeyValueHeads,
    int headDim,
    int intermediateSize,
    int numLocalExperts,
    int numExpertsPerTok,
    double rmsNormEps,
    double ropeTheta,
    boolean tieWordEmbeddings,
    AttentionPattern attention,
    List<Integer> mlpOnlyLayers,
    double initializerRange) {

  public ModelSpec {
    mlpOnlyLayers = List.copyOf(mlpOnlyLayers);
    positive("vocab_size", vocabSize);
    positive("hidden_size", hiddenSize);
    positive("num_hidden_layers", numHiddenLayers);
    positive("num_attention_heads", numAttentionHeads);
    positive("num_key_value_heads", numKeyValueHeads);
    positive("head_dim", headDim);
    positive("intermediate_size", intermediateSize);
    Invalid.require(
        headDim % 2 == 0 && headDim <= 256,
        "model.head_dim",
        headDim + " must be even and at most 256");
    Invalid.require(
        numAttentionHeads % numKeyValueHeads == 0,
        "model.num_key_value_heads",
        numKeyValueHeads + " must divide num_attention_heads " + numAttentionHeads);
    Invalid.require(
        numLocalExperts == 0 || (numExpertsPerTok >= 1 && numExpertsPerTok <= numLocalExperts),
        "model.num_experts_per_tok",
        numExpertsPerTok + " must be from 1 to num_local_experts " + numLocalExperts);
    Invalid.require(
        attention.layers().isEmpty() || attention.layers().size() == numHiddenLayers,
        "model.layer_types",
        attention.layers().size() + " kinds for num_hidden_layers " + numHiddenLayers);
    for (int layer : mlpOnlyLayers) {
      Invalid.require(
          layer >= 0 && layer < numHiddenLayers,
          "model.mlp_only_layers",
          "layer " + layer + " is outside 0.." + (numHiddenLayers - 1));
    }
  }

  private static void positive(String key, int value) {
    Invalid.require(value > 0, "model." + key, value + " must be positive");
  }

  public boolean isMoe(int layer) {
    return numLocalExperts > 0 && !mlpOnlyLayers.contains(layer);
  }

  /** Whether a layer mixes tokens by linear attention, not by softmax. */
  public boolean isLinear(int layer) {
    return attention.kind(layer) == LayerKind.LINEAR;
  }

  /** Layers with linear attention. */
  public int linearLayers() {
    int count = 0;
    for (int layer = 0; layer < numHiddenLayers; layer++) {
      count += isLinear(layer) ? 1 : 0;
    }
    return count;
  }

  /** Which keys a softmax layer's queries see; a linear layer has no mask. */
  public AttentionMask mask(int layer) {
    return attention.mask(layer);
  }

  /**
   * The mask of each kind of softmax layer that there is, in order of appearance; none if all
   * layers are linear.
   */
  public Map<LayerKind, AttentionMask> maskOfKind() {
    Map<LayerKind, AttentionMask> masks = new LinkedHashMap<>();
    for (int layer = 0; layer < numHiddenLayers; layer++) {
      if (!isLinear(layer)) {
        masks.put(attention.kind(layer), mask(layer));
      }
    }
    return masks;
  }

  /** Layers of a kind. */
  public int layers(LayerKind kind) {
    int layers = 0;
    for (int layer = 0; layer < numHiddenLayers; layer++) {
      layers += attention.kind(layer) == kind ? 1 : 0;
    }
    return layers;
  }

  /** Key/value head that serves each query head. */
  public int[] kvHeadOf() {
    int[] map = new int[numAttentionHeads];
    for (int h = 0; h < numAttentionHeads; h++) {
      map[h] = h / (numAttentionHeads / numKeyValueHeads);
    }
    return map;
  }
}
