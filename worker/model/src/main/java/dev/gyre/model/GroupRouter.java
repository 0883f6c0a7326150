package dev.gyre.model;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.Block.PassContext;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RouterSpec;
import java.util.List;

/**
 * The {@link RouterSpec.GroupTopK} router: scores are sigmoids, chosen by group and with a bias.
 */
final class GroupRouter extends Router {
  private static final double LEAST_SUM = 1e-20;

  private final RouterSpec.GroupTopK spec;

  GroupRouter(
      Ops ops, ModelSpec model, MixtureOfExperts mixture, RouterSpec.GroupTopK spec, int layer) {
    super(ops, model, mixture, layer, false);
    this.spec = spec;
  }

  @Override
  Choice newChoice(long tokens) {
    return new Choice(
        ops.tape.save(DType.F32, tokens, experts),
        null,
        ops.tape.save(DType.I32, tokens, perToken),
        ops.tape.save(DType.F32, tokens, perToken));
  }

  @Override
  void choose(Tensor logits, Choice made) {
    ops.kernels.routeGroups(
        logits,
        ops.store.weight(names.selectionBias(), experts),
        spec.groups(),
        spec.chosenGroups(),
        spec.renormalised(),
        (float) spec.scale(),
        made.scores(),
        made.indices(),
        made.weights());
  }

  @Override
  double weight(double[] scores, int j) {
    return spec.scale() * (spec.renormalised() ? scores[j] / (sum(scores) + LEAST_SUM) : scores[j]);
  }

  @Override
  List<Tensor> readByStatistics(Choice made) {
    return List.of(made.indices());
  }

  /** Nothing but the choices: it adds no term to the loss. */
  @Override
  void sumStatistics(Choice made, PassContext pass) {}

  @Override
  void backward(Choice made, Tensor dWeights, PassContext pass, Tensor dLogits) {
    ops.kernels.routeGroupsBackward(
        made.scores(),
        made.indices(),
        spec.renormalised(),
        (float) spec.scale(),
        dWeights,
        dLogits);
  }
}
