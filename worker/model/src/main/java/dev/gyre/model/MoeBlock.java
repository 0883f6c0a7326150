package dev.gyre.model;

import dev.gyre.kernels.Tensor;
import dev.gyre.model.port.ExpertGroup;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.ModelSpec;

/** norm → router → dispatch → experts → combine → weighted sum onto the residual. */
final class MoeBlock extends Block {
  private final Router router;
  private final Experts experts;

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
    this.router = new Router(ops, model, spec, objective, layer);
    this.experts = new Experts(ops, model, spec, group, layer, tile);
  }

  @Override
  void forward(Variable x, Variable next, PassContext pass) {
    Variable h = ops.rmsNorm(x, names.feedForwardNorm(), model.normEps());
    Routing routing = router.forward(x, h, pass);
    Variable out = experts.forward(h, routing);
    combine(out, routing, x, next);
  }

  private void combine(Variable out, Routing routing, Variable x, Variable next) {
    Tensor slots = routing.slots();
    Variable weights = routing.weights();
    if (!ops.tape.replaying()) {
      ops.carry(x, next);
      ops.kernels.combineRows(out.value(), slots, weights.value(), next.value());
    }
    ops.tape.record(
        () -> {
          x.takeGradientOf(next);
          ops.kernels.combineRowsBackward(
              x.gradient(),
              out.value(),
              slots,
              weights.value(),
              out.gradientOrNew(ops.workspace),
              weights.gradientOrNew(ops.workspace));
        });
  }
}
