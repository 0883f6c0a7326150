package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import java.util.ArrayList;
import java.util.List;

/** How a layer's tokens choose experts. */
public sealed interface RouterSpec {
  /** Most experts that a token is computed by. */
  int perToken();

  List<TensorSpec> tensors(LayerTensors layer, int experts);

  /** Names of the terms that it adds to the loss, in the order of metrics. */
  List<String> lossTerms();

  /**
   * @throws Invalid if it cannot choose among so many experts
   */
  default void requireFor(int experts) {}

  /**
   * Softmax over all experts; a token takes the k most probable. Source: Shazeer et al.,
   * Outrageously Large Neural Networks, section 2.1.
   *
   * @param perToken k
   * @param renormalised whether the weights of the chosen are divided by their sum. Source: Jiang
   *     et al., Mixtral of Experts, section 2.1
   * @param bias whether the logits have one
   */
  record TopK(int perToken, boolean renormalised, boolean bias) implements RouterSpec {
    /**
     * E·Σ fₑPₑ of each layer and row: f is the share of the row's choices that an expert gets, P
     * its mean probability. Source: Fedus et al., Switch Transformers, eq. 4, divided by k.
     */
    public static final String BALANCE = "balance";

    /** Mean squared log-sum-exp of the router's logits. Source: Zoph et al., ST-MoE, eq. 5. */
    public static final String Z = "z";

    /** Mixtral's: renormalised, without bias. */
    public TopK(int perToken) {
      this(perToken, true, false);
    }

    /** The router's weights are F32 with any compute dtype. */
    @Override
    public List<TensorSpec> tensors(LayerTensors layer, int experts) {
      List<TensorSpec> list = new ArrayList<>();
      list.add(layer.exactMatrix(layer.names().router(), experts, layer.width()));
      if (bias) {
        list.add(layer.bias(layer.names().routerBias(), experts));
      }
      return list;
    }

    @Override
    public List<String> lossTerms() {
      return List.of(BALANCE, Z);
    }
  }

  /**
   * Sigmoid scores; a token takes the k experts of largest score plus bias among the best groups.
   * The bias takes no part in the weights. Source: DeepSeek-AI, DeepSeek-V3, eq. 12 to 16.
   *
   * @param perToken k
   * @param groups equal groups of consecutive experts; 1 for all together
   * @param chosenGroups groups that a token's experts are in: those whose two best experts have the
   *     largest sum
   * @param renormalised whether the weights of the chosen are divided by their sum
   * @param scale factor on the weights
   */
  record GroupTopK(int perToken, int groups, int chosenGroups, boolean renormalised, double scale)
      implements RouterSpec {
    public GroupTopK {
      NumberRange.whole(1, 1 << 16).require("model.n_group", groups);
      NumberRange.whole(1, groups).require("model.topk_group", chosenGroups);
      NumberRange.above(0).require("model.routed_scaling_factor", scale);
    }

    @Override
    public void requireFor(int experts) {
      Invalid.require(
          experts % groups == 0,
          "model.n_group",
          groups + " must divide the number of experts " + experts);
      Invalid.require(
          perToken <= experts / groups * chosenGroups,
          "model.num_experts_per_tok",
          "%d must be at most %d, the experts of topk_group %d of n_group %d groups"
              .formatted(perToken, experts / groups * chosenGroups, chosenGroups, groups));
    }

    @Override
    public List<TensorSpec> tensors(LayerTensors layer, int experts) {
      return List.of(
          layer.exactMatrix(layer.names().router(), experts, layer.width()),
          layer.bias(layer.names().selectionBias(), experts));
    }

    /** None: its bias balances the load. */
    @Override
    public List<String> lossTerms() {
      return List.of();
    }
  }
}
