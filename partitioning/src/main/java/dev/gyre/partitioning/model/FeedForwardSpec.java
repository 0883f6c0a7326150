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
   * norm → gate and up → SwiGLU → down projection. Source: Shazeer, GLU Variants Improve
   * Transformer.
   */
  record DenseMlp(int width) implements FeedForwardSpec {
    public DenseMlp {
      WIDTH.require("model.intermediate_size", width);
    }

    @Override
    public int experts() {
      return 0;
    }

    @Override
    public List<TensorSpec> tensors(LayerTensors layer, int first, int count) {
      TensorNames names = layer.names();
      return List.of(
          layer.norm(names.feedForwardNorm(), layer.width()),
          layer.matrix(names.gate(), width, layer.width()),
          layer.matrix(names.up(), width, layer.width()),
          layer.matrix(names.down(), layer.width(), width));
    }
  }

  /**
   * norm → router → the chosen experts, each a SwiGLU MLP → their weighted sum. Source: Shazeer et
   * al., Outrageously Large Neural Networks, section 2.
   *
   * @param width of one expert's hidden layer
   */
  record MixtureOfExperts(int experts, int width, RouterSpec router) implements FeedForwardSpec {
    public static final NumberRange EXPERTS = NumberRange.whole(0, 1 << 16);

    public MixtureOfExperts {
      Invalid.requireGiven(router, "model.layers.feedForward.router");
      EXPERTS.require("model.num_local_experts", experts);
      WIDTH.require("model.intermediate_size", width);
      Invalid.require(experts > 0, "model.num_local_experts", experts + " must be at least 1");
      Invalid.require(
          router.perToken() >= 1 && router.perToken() <= experts,
          "model.num_experts_per_tok",
          router.perToken() + " must be from 1 to num_local_experts " + experts);
    }

    @Override
    public List<TensorSpec> tensors(LayerTensors layer, int first, int count) {
      TensorNames names = layer.names();
      List<TensorSpec> list = new ArrayList<>();
      list.add(layer.norm(names.feedForwardNorm(), layer.width()));
      list.addAll(router.tensors(layer, experts));
      for (int e = first; e < first + count; e++) {
        list.add(layer.expert(e, names.expertGate(e), width, layer.width()));
        list.add(layer.expert(e, names.expertUp(e), width, layer.width()));
      }
      for (int e = first; e < first + count; e++) {
        list.add(layer.expert(e, names.expertDown(e), layer.width(), width));
      }
      return list;
    }
  }
}
