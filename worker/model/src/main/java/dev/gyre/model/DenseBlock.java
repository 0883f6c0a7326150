package dev.gyre.model;

import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.model.FeedForwardSpec.DenseMlp;
import dev.gyre.partitioning.model.ModelSpec;
import org.jspecify.annotations.Nullable;

/** norm → gate and up → SwiGLU → down projection onto the residual. */
final class DenseBlock extends Block {
  private final long width;
  private final @Nullable TiledMlp tiled;

  /**
   * @param tile tokens of a tile, whose gate, up and hidden are in memory at once; 0 for one tile
   */
  DenseBlock(Ops ops, ModelSpec model, DenseMlp spec, int layer, int tile) {
    super(ops, model, layer, ModelPhase.MLP, ModelPhase.MLP_BACKWARD);
    this.width = spec.width();
    this.tiled =
        tile == 0
            ? null
            : new TiledMlp(ops, names.gate(), names.down(), model.width(), width, tile);
  }

  @Override
  void forward(Variable x, Variable next, PassContext pass) {
    long hidden = model.width();
    Variable h = ops.rmsNorm(x, names.feedForwardNorm(), model.normEps());
    if (tiled != null) {
      tiled.forward(h, x, next);
      return;
    }
    // gate and up are contiguous, so one matmul computes both halves of each row.
    Variable gateUp = ops.linear(h, names.gate(), hidden, ops.compute, 2 * width);
    ops.linearToResidual(ops.swiglu(gateUp), names.down(), width, x, next);
  }
}
