package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import java.util.ArrayList;
import java.util.List;

/** The part of a layer that computes each token by itself. */
public sealed interface FeedForwardSpec {
  NumberRange WIDTH = NumberRange.whole(1, 1 << 30);

  /** Elements of the hidden layer of the MLP, or of one expert. */
  int width();

  /** Number of experts; 0 for a dense MLP. */
  int experts();

  /**
   * The tensors of a rank that holds experts {@code [first, first + count)}, in canonical order:
   * gate and up lie together, and so do the pairs of all experts.
   */
  List<TensorSpec> tensors(LayerTensors layer, int first, int count);

  /**
   * norm → gate and up → activation → down projection. Source: Shazeer, GLU Variants Improve
   * Transformer.
   *
   * @param bias whether the three projections have biases
   */
  record DenseMlp(int width, Activation activation, boolean bias) implements FeedForwardSpec {
    public DenseMlp {
      WIDTH.require("model.intermediate_size", width);
      Invalid.requireGiven(activation, "model.hidden_act");
    }

    /** SwiGLU without biases. */
    public DenseMlp(int width) {
      this(width, new Activation.Swiglu(), false);
    }

    @Override
    public int experts() {
      return 0;
    }

    @Override
    public List<TensorSpec> tensors(LayerTensors layer, int first, int count) {
      TensorNames names = layer.names();
      List<TensorSpec> list = new ArrayList<>();
      list.add(layer.norm(names.feedForwardNorm(), layer.width()));
      list.add(layer.matrix(names.gate(), width, layer.width()));
      list.add(layer.matrix(names.up(), width, layer.width()));
      list.add(layer.matrix(names.down(), layer.width(), width));
      if (bias) {
        list.add(layer.bias(names.gateBias(), width));
        list.add(layer.bias(names.upBias(), width));
        list.add(layer.bias(names.downBias(), layer.width()));
      }
      return list;
    }
  }

  /**
   * norm → router → the chosen experts, each a gated MLP → their weighted sum, plus the shared
   * expert. Source: Shazeer et al., Outrageously Large Neural Networks, section 2; shared experts:
   * Dai et al., DeepSeekMoE, section 3.2.
   *
   * @param width of one expert's hidden layer
   * @param bias whether the experts' projections have biases
   * @param sharedWidth of the hidden layer of the expert that computes every token, a SwiGLU
   *     without biases; 0 for none
   */
  record MixtureOfExperts(
      int experts,
      int width,
      Activation activation,
      boolean bias,
      RouterSpec router,
      int sharedWidth)
      implements FeedForwardSpec {
    public static final NumberRange EXPERTS = NumberRange.whole(0, 1 << 16);

    public MixtureOfExperts {
      Invalid.requireGiven(router, "model.layers.feedForward.router");
      EXPERTS.require("model.num_local_experts", experts);
      WIDTH.require("model.intermediate_size", width);
      Invalid.requireGiven(activation, "model.hidden_act");
      NumberRange.whole(0, 1 << 30).require("model.n_shared_experts", sharedWidth);
      router.requireFor(experts);
      Invalid.require(experts > 0, "model.num_local_experts", experts + " must be at least 1");
      Invalid.require(
          router.perToken() >= 1 && router.perToken() <= experts,
          "model.num_experts_per_tok",
          router.perToken() + " must be from 1 to num_local_experts " + experts);
    }

    /** SwiGLU experts without biases and without a shared one. */
    public MixtureOfExperts(int experts, int width, RouterSpec router) {
      this(experts, width, new Activation.Swiglu(), false, router, 0);
    }

    @Override
    public List<TensorSpec> tensors(LayerTensors layer, int first, int count) {
      TensorNames names = layer.names();
      List<TensorSpec> list = new ArrayList<>();
      list.add(layer.norm(names.feedForwardNorm(), layer.width()));
      if (sharedWidth > 0) {
        list.add(layer.matrix(names.sharedGate(), sharedWidth, layer.width()));
        list.add(layer.matrix(names.sharedUp(), sharedWidth, layer.width()));
        list.add(layer.matrix(names.sharedDown(), layer.width(), sharedWidth));
      }
      list.addAll(router.tensors(layer, experts));
      for (int e = first; e < first + count; e++) {
        list.add(layer.expert(e, names.expertGate(e), width, layer.width()));
        list.add(layer.expert(e, names.expertUp(e), width, layer.width()));
      }
      for (int e = first; e < first + count; e++) {
        list.add(layer.expert(e, names.expertDown(e), layer.width(), width));
      }
      if (bias) {
        for (int e = first; e < first + count; e++) {
          list.add(layer.bias(e, names.expertGateBias(e), width));
          list.add(layer.bias(e, names.expertUpBias(e), width));
        }
        for (int e = first; e < first + count; e++) {
          list.add(layer.bias(e, names.expertDownBias(e), layer.width()));
        }
      }
      return list;
    }
  }
}
