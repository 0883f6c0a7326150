package dev.gyre.model;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.parameters.ParameterNames;
import dev.gyre.model.port.ExpertGroup;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.job.ModelSpec;

/** norm → router → dispatch → experts → combine → weighted sum onto the residual. */
final class MoeBlock implements Block {
  private final Ops ops;
  private final ModelSpec model;
  private final int layer;
  private final ParameterNames names;
  private final Router router;
  private final Experts experts;

  /**
   * @param tile rows whose gate, up and hidden exist at once in this rank's experts; 0 for all
   */
  MoeBlock(
      Ops ops,
      Backend backend,
      ModelSpec model,
      ExpertGroup group,
      Objective objective,
      int layer,
      int tile) {
    this.ops = ops;
    this.model = model;
    this.layer = layer;
    this.names = new ParameterNames(layer);
    this.router = new Router(ops, backend, model, objective, layer);
    this.experts = new Experts(ops, model, group, layer, tile);
  }

  @Override
  public int layer() {
    return layer;
  }

  @Override
  public Phase phase() {
    return Phase.EXPERTS;
  }

  @Override
  public Phase backwardPhase() {
    return Phase.EXPERTS_BACKWARD;
  }

  @Override
  public void forward(Variable x, Variable next, PassContext pass) {
    Variable h = ops.rmsNorm(x, names.postAttentionNorm(), model.rmsNormEps());
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
