package dev.gyre.model;

import dev.gyre.kernels.Tensor;
import dev.gyre.model.port.ExpertGroup;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.model.Activation;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.ModelSpec;
import org.jspecify.annotations.Nullable;

/**
 * norm → router → dispatch → experts → combine → weighted sum, and the shared expert, onto the
 * residual.
 */
final class MoeBlock extends Block {
  private final Router router;
  private final Experts experts;
  private final @Nullable GatedMlp shared;

  /**
   * @param tile rows of a tile of this rank's experts, whose gate, up and hidden are in memory at
   *     once; 0 for one tile
   */
  MoeBlock(
      Ops ops,
      ModelSpec model,
      MixtureOfExperts spec,
      ExpertGroup group,
      Objective objective,
      int layer,
      int tile) {
    super(ops, model, layer, ModelPhase.EXPERTS, ModelPhase.EXPERTS_BACKWARD);
    this.router = Router.of(ops, model, spec, objective, layer);
    this.experts = new Experts(ops, model, spec, group, layer, tile);
    this.shared =
        spec.sharedWidth() == 0
            ? null
            : new GatedMlp(
                ops,
                new GatedMlp.Names(names.sharedGate(), names.sharedDown()),
                null,
                new Activation.Swiglu(),
                spec.sharedWidth(),
                tile);
  }

  @Override
  void forward(Variable x, Variable next, PassContext pass) {
    Variable h = ops.rmsNorm(x, names.feedForwardNorm(), model.normEps());
    Routing routing = router.forward(x, h, pass);
    Variable out = experts.forward(h, routing);
    ops.carry(x, next);
    combine(out, routing, next);
    if (shared != null) {
      shared.addTo(next, h);
    }
  }

  private void combine(Variable out, Routing routing, Variable next) {
    Tensor slots = routing.slots();
    Variable weights = routing.weights();
    if (!ops.tape.replaying()) {
      ops.kernels.combineRows(out.value(), slots, weights.value(), next.value());
    }
    ops.tape.record(
        () ->
            ops.kernels.combineRowsBackward(
                next.gradient(),
                out.value(),
                slots,
                weights.value(),
                out.gradientOrNew(ops.workspace),
                weights.gradientOrNew(ops.workspace)));
  }
}
