package dev.gyre.model;

import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.model.FeedForwardSpec.DenseMlp;
import dev.gyre.partitioning.model.ModelSpec;

/** norm → gated MLP onto the residual. */
final class DenseBlock extends Block {
  private final GatedMlp mlp;

  /**
   * @param tile tokens of a tile, whose gate, up and hidden are in memory at once; 0 for one tile
   */
  DenseBlock(Ops ops, ModelSpec model, DenseMlp spec, int layer, int tile) {
    super(ops, model, layer, ModelPhase.MLP, ModelPhase.MLP_BACKWARD);
    this.mlp =
        new GatedMlp(
            ops,
            new GatedMlp.Names(names.gate(), names.down()),
            spec.bias() ? new GatedMlp.Names(names.gateBias(), names.downBias()) : null,
            spec.activation(),
            spec.width(),
            tile);
  }

  @Override
  void forward(Variable x, Variable next, PassContext pass) {
    Variable h = ops.rmsNorm(x, names.feedForwardNorm(), model.normEps());
    ops.carry(x, next);
    mlp.addTo(next, h);
  }
}
