package dev.gyre.partitioning.job;

import dev.gyre.partitioning.mask.AttentionMask;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A decoder of the Llama / Mixtral family. Field names follow the Hugging Face {@code config.json}
 * keys in camel case.
 *
 * @param modelType {@code mixtral} (experts) or {@code llama} (all layers dense)
 * @param intermediateSize width of an expert's, or a dense layer's, hidden layer
 * @param numLocalExperts experts per MoE layer; 0 for an all-dense model
 * @param numExpertsPerTok experts per token (top-k)
 * @param attention which tokens each layer attends to
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
  public static final List<String> MODEL_TYPES = List.of("mixtral", "llama");
  public static final NumberRange VOCAB_SIZE = NumberRange.whole(1, 1 << 24);
  public static final NumberRange HIDDEN_SIZE = NumberRange.whole(1, 1 << 20);
  public static final NumberRange LAYERS = NumberRange.whole(1, 4096);
  public static final NumberRange HEADS = NumberRange.whole(1, 1 << 16);
  public static final NumberRange HEAD_DIM = NumberRange.whole(2, 256);
  public static final NumberRange INTERMEDIATE_SIZE = NumberRange.whole(1, 1 << 30);
  public static final NumberRange EXPERTS = NumberRange.whole(0, 1 << 16);

  /** At 0, a row of zeros would be computed as 0/0. */
  public static final NumberRange RMS_NORM_EPS = NumberRange.above(0);

  public static final NumberRange ROPE_THETA = NumberRange.above(0);
  public static final NumberRange INITIALIZER_RANGE = NumberRange.atLeast(0);

  /** 2^50: more than any cluster holds, and small enough that bytes and FLOPs stay below 2^63. */
  private static final double MOST_PARAMETERS = 0x1p50;

  public ModelSpec {
    mlpOnlyLayers = List.copyOf(mlpOnlyLayers);
    Invalid.requireOneOf(MODEL_TYPES, "model.model_type", modelType);
    VOCAB_SIZE.require("model.vocab_size", vocabSize);
    HIDDEN_SIZE.require("model.hidden_size", hiddenSize);
    LAYERS.require("model.num_hidden_layers", numHiddenLayers);
    HEADS.require("model.num_attention_heads", numAttentionHeads);
    HEADS.require("model.num_key_value_heads", numKeyValueHeads);
    HEAD_DIM.require("model.head_dim", headDim);
    INTERMEDIATE_SIZE.require("model.intermediate_size", intermediateSize);
    EXPERTS.require("model.num_local_experts", numLocalExperts);
    EXPERTS.require("model.num_experts_per_tok", numExpertsPerTok);
    RMS_NORM_EPS.require("model.rms_norm_eps", rmsNormEps);
    ROPE_THETA.require("model.rope_theta", ropeTheta);
    INITIALIZER_RANGE.require("model.initializer_range", initializerRange);
    Invalid.require(headDim % 2 == 0, "model.head_dim", headDim + " must be even");
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
    double parameters =
        2.0 * vocabSize * hiddenSize
            + (double) numHiddenLayers
                * hiddenSize
                * (4.0 * numAttentionHeads * headDim
                    + 3.0 * Math.max(1, numLocalExperts) * intermediateSize);
    Invalid.require(
        parameters <= MOST_PARAMETERS,
        "model",
        String.format(
            Locale.ROOT,
            "%.2g parameters are more than the limit, %.2g; use fewer layers or experts, or a smaller"
                + " hidden_size or intermediate_size",
            parameters,
            MOST_PARAMETERS));
  }

  /** The same model with tied or untied embeddings. */
  public ModelSpec withTiedEmbeddings(boolean tied) {
    return new ModelSpec(
        modelType,
        vocabSize,
        hiddenSize,
        numHiddenLayers,
        numAttentionHeads,
        numKeyValueHeads,
        headDim,
        intermediateSize,
        numLocalExperts,
        numExpertsPerTok,
        rmsNormEps,
        ropeTheta,
        tied,
        attention,
        mlpOnlyLayers,
        initializerRange);
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
