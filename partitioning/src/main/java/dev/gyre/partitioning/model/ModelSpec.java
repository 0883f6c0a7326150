package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * A decoder: embedding, layers, head. {@link Decoder} builds the usual ones.
 *
 * <p>Errors name a value as the job file does.
 *
 * @param layers first to last; all have the same heads, and those with experts the same number of
 *     experts and of experts per token
 * @param normEps epsilon of every RMSNorm
 * @param initializerRange standard deviation of initial weights; 0 for 1/√fan-in
 */
public record ModelSpec(
    EmbeddingSpec embedding,
    List<LayerSpec> layers,
    HeadSpec head,
    double normEps,
    double initializerRange) {
  public static final NumberRange LAYERS = NumberRange.whole(1, 4096);

  /** At 0, a row of zeros would be computed as 0/0. */
  public static final NumberRange NORM_EPS = NumberRange.above(0);

  public static final NumberRange INITIALIZER_RANGE = NumberRange.atLeast(0);

  /** 2^50: more than any cluster holds, and small enough that bytes and FLOPs stay below 2^63. */
  private static final double MOST_PARAMETERS = 0x1p50;

  private static final AttentionMask NO_MASK = AttentionMask.CAUSAL;

  public ModelSpec {
    Invalid.requireGiven(embedding, "model.embedding");
    Invalid.requireGiven(head, "model.head");
    layers = List.copyOf(layers);
    LAYERS.require("model.num_hidden_layers", layers.size());
    NORM_EPS.require("model.rms_norm_eps", normEps);
    INITIALIZER_RANGE.require("model.initializer_range", initializerRange);
    requireAlike(layers);
    requireCountable(embedding, layers);
  }

  /** What planner and engines ask once for all layers must be the same in all of them. */
  private static void requireAlike(List<LayerSpec> layers) {
    HeadShape heads = layers.getFirst().mixer().heads();
    Map<LayerKind, AttentionMask> masks = new LinkedHashMap<>();
    MixtureOfExperts experts = null;
    for (LayerSpec layer : layers) {
      Invalid.require(
          layer.mixer().heads().equals(heads),
          "model.num_attention_heads",
          layer.mixer().heads() + " in one layer and " + heads + " in another: not implemented");
      if (layer.mixer() instanceof MixerSpec.Softmax softmax) {
        AttentionMask known = masks.putIfAbsent(softmax.kind(), softmax.mask());
        AttentionMask any = masks.values().iterator().next();
        Invalid.require(
            (known == null || known.equals(softmax.mask()))
                && any.anchor() == softmax.mask().anchor()
                && any.prefix() == softmax.mask().prefix(),
            "model.layer_types",
            softmax.mask() + " in one layer and " + any + " in another: not implemented");
      }
      if (layer.feedForward() instanceof MixtureOfExperts mixture) {
        experts = experts == null ? mixture : experts;
        Invalid.require(
            mixture.experts() == experts.experts()
                && mixture.router().perToken() == experts.router().perToken(),
            "model.num_local_experts",
            "%d top-%d in one layer and %d top-%d in another: not implemented"
                .formatted(
                    mixture.experts(),
                    mixture.router().perToken(),
                    experts.experts(),
                    experts.router().perToken()));
      }
    }
  }

  private static void requireCountable(EmbeddingSpec embedding, List<LayerSpec> layers) {
    double parameters = 2.0 * embedding.vocabulary() * embedding.width();
    for (int layer = 0; layer < layers.size(); layer++) {
      LayerTensors tensors = new LayerTensors(layer, embedding.width(), 0);
      FeedForwardSpec feedForward = layers.get(layer).feedForward();
      for (TensorSpec tensor : layers.get(layer).mixer().tensors(tensors)) {
        parameters += tensor.elements();
      }
      for (TensorSpec tensor : feedForward.tensors(tensors, 0, 1)) {
        parameters += (double) tensor.elements() * (tensor.isExpert() ? feedForward.experts() : 1);
      }
    }
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
  public ModelSpec withTiedHead(boolean tied) {
    return new ModelSpec(embedding, layers, new HeadSpec(tied), normEps, initializerRange);
  }

  /** Every weight of the model, in canonical order. */
  public List<TensorSpec> tensors() {
    return tensors(0, experts());
  }

  /**
   * The dense weights and those of experts {@code [firstExpert, firstExpert + experts)}, in
   * canonical order.
   *
   * <p>A store that holds its tensors contiguously in this order, without gaps between tensors of
   * one precision, can return every view the model asks for: of each layer first all experts'
   * (gate, up) pairs [E,2F,H], then all down [E,H,F]; of a dense layer gate and up [2F,H].
   */
  public List<TensorSpec> tensors(int firstExpert, int experts) {
    List<TensorSpec> list = new ArrayList<>();
    list.add(embeddingTensor());
    for (int layer = 0; layer < layers.size(); layer++) {
      list.addAll(layerTensors(layer, firstExpert, experts));
    }
    list.addAll(headTensors());
    return List.copyOf(list);
  }

  private LayerTensors outside() {
    return new LayerTensors(-1, width(), initializerRange);
  }

  private TensorSpec embeddingTensor() {
    return outside().matrix(TensorNames.EMBEDDING, vocabulary(), width()).withoutDecay();
  }

  List<TensorSpec> layerTensors(int layer, int firstExpert, int experts) {
    LayerTensors tensors = new LayerTensors(layer, width(), initializerRange);
    List<TensorSpec> list = new ArrayList<>(layers.get(layer).mixer().tensors(tensors));
    list.addAll(layers.get(layer).feedForward().tensors(tensors, firstExpert, experts));
    return list;
  }

  List<TensorSpec> headTensors() {
    TensorSpec norm = outside().norm(TensorNames.FINAL_NORM, width());
    return head.tied()
        ? List.of(norm)
        : List.of(norm, outside().matrix(TensorNames.HEAD, vocabulary(), width()));
  }

  /** Elements of a token in the residual stream. */
  public int width() {
    return embedding.width();
  }

  public int vocabulary() {
    return embedding.vocabulary();
  }

  /** Attention heads of every layer. */
  public HeadShape heads() {
    return layers.getFirst().mixer().heads();
  }

  /** Number of layers. */
  public int depth() {
    return layers.size();
  }

  public MixerSpec mixer(int layer) {
    return layers.get(layer).mixer();
  }

  public FeedForwardSpec feedForward(int layer) {
    return layers.get(layer).feedForward();
  }

  /** Whether a layer mixes tokens by linear attention, not by softmax. */
  public boolean isLinear(int layer) {
    return mixer(layer).kind() == LayerKind.LINEAR;
  }

  /** Whether a layer has experts. */
  public boolean isMoe(int layer) {
    return feedForward(layer).experts() > 0;
  }

  /** The rotations of its softmax layers, each once. */
  public Set<Rotation> rotations() {
    Set<Rotation> rotations = new LinkedHashSet<>();
    for (LayerSpec layer : layers) {
      if (layer.mixer() instanceof MixerSpec.Softmax softmax) {
        rotations.add(softmax.rotation());
      }
    }
    return rotations;
  }

  /** Layers with linear attention. */
  public int linearLayers() {
    return layers(LayerKind.LINEAR);
  }

  /** Layers of a kind. */
  public int layers(LayerKind kind) {
    return (int) layers.stream().filter(layer -> layer.mixer().kind() == kind).count();
  }

  /** Layers with experts. */
  public int moeLayers() {
    return (int) layers.stream().filter(layer -> layer.feedForward().experts() > 0).count();
  }

  /** Experts of each layer that has any; 0 if none has. */
  public int experts() {
    return layers.stream().mapToInt(layer -> layer.feedForward().experts()).max().orElse(0);
  }

  /** Experts per token (top-k); 0 if no layer has experts. */
  public int expertsPerToken() {
    for (LayerSpec layer : layers) {
      if (layer.feedForward() instanceof MixtureOfExperts mixture) {
        return mixture.router().perToken();
      }
    }
    return 0;
  }

  /** Names of the terms that its routers add to the loss, each once. */
  public List<String> lossTerms() {
    List<String> names = new ArrayList<>();
    for (LayerSpec layer : layers) {
      if (layer.feedForward() instanceof MixtureOfExperts mixture) {
        for (String name : mixture.router().lossTerms()) {
          if (!names.contains(name)) {
            names.add(name);
          }
        }
      }
    }
    return List.copyOf(names);
  }

  /**
   * The mask of each kind of softmax layer that there is, in order of appearance; none if all
   * layers are linear.
   */
  public Map<LayerKind, AttentionMask> maskOfKind() {
    Map<LayerKind, AttentionMask> masks = new LinkedHashMap<>();
    for (LayerSpec layer : layers) {
      if (layer.mixer() instanceof MixerSpec.Softmax softmax) {
        masks.put(softmax.kind(), softmax.mask());
      }
    }
    return masks;
  }

  /** Any softmax layer's mask: anchor and prefix are those of all. */
  private AttentionMask anyMask() {
    return maskOfKind().values().stream().findFirst().orElse(NO_MASK);
  }

  /** Whether the row's first token is visible to all its documents. */
  public boolean anchor() {
    return anyMask().anchor();
  }

  /**
   * First tokens of each document that attend to each other in both directions. They are input
   * only, so a token whose label would be one of them has no label.
   */
  public int prefix() {
    return anyMask().prefix();
  }

  /**
   * Rotary position of a document's first token: 0, or 1 after an anchor. So every document sees
   * the anchor at position 0, directly before its own first token, wherever the document is in the
   * row.
   */
  public int firstPosition(int document) {
    return anchor() && document > 0 ? 1 : 0;
  }
}
