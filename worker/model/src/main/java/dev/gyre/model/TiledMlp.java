package dev.gyre.model;

import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.tape.Variable;

/**
 * A SwiGLU MLP onto the residual, tile by tile. Gate, up and hidden of only one tile are in memory;
 * backward recomputes them. Tiles change no token's value; a weight's gradient is the sum of the
 * tiles' in order, so its last bits depend on the tile.
 *
 * <p>Legend: T tokens, n of a tile, d hidden size, F width.
 */
final class TiledMlp {
  private final Ops ops;
  private final String gateUpName;
  private final String downName;
  private final long hidden;
  private final long width;
  private final int tile;

  TiledMlp(Ops ops, String gateUpName, String downName, long hidden, long width, int tile) {
    this.ops = ops;
    this.gateUpName = gateUpName;
    this.downName = downName;
    this.hidden = hidden;
    this.width = width;
    this.tile = tile;
  }

  /**
   * The last operation of a segment: a recomputed segment skips it.
   *
   * @param h compute [T,d]
   * @param next F32 [T,d], written: residual + MLP(h)
   */
  void forward(Variable h, Variable residual, Variable next) {
    if (!ops.tape.replaying()) {
      ops.carry(residual, next);
      ops.eachTile(
          h.value().dim(0),
          tile,
          (from, n) -> {
            Tensor gateUp = gateUp(h.value().slice(from, n));
            ops.kernels.linear(hiddenOf(gateUp), down(), next.value().slice(from, n), true);
          });
    }
    ops.tape.record(() -> backward(h, residual, next));
  }

  private void backward(Variable h, Variable residual, Variable next) {
    Kernels kernels = ops.kernels;
    Workspace workspace = ops.workspace;
    residual.takeGradientOf(next);
    boolean accumulate = h.hasGradient();
    Tensor dh = h.gradientOrNew(workspace);
    ops.eachTile(
        h.value().dim(0),
        tile,
        (from, n) -> {
          Tensor in = h.value().slice(from, n);
          Tensor gateUp = gateUp(in);
          Tensor middle = hiddenOf(gateUp);
          Tensor dy = ops.inCompute(residual.gradient().slice(from, n));
          Tensor dMiddle = workspace.scratch(ops.compute, n, width);
          kernels.linearBackwardInput(dy, down(), dMiddle, false);
          kernels.linearBackwardWeight(dy, middle, ops.store.gradient(downName, hidden, width));
          Tensor dGateUp = workspace.scratch(ops.compute, n, 2 * width);
          kernels.swigluBackward(dMiddle, gateUp, dGateUp);
          kernels.linearBackwardInput(dGateUp, gate(), dh.slice(from, n), accumulate);
          kernels.linearBackwardWeight(
              dGateUp, in, ops.store.gradient(gateUpName, 2 * width, hidden));
        });
  }

  /** [n,2F] in scratch. */
  private Tensor gateUp(Tensor h) {
    Tensor out = ops.workspace.scratch(ops.compute, h.dim(0), 2 * width);
    ops.kernels.linear(h, gate(), out, false);
    return out;
  }

  /** [n,F] in scratch. */
  private Tensor hiddenOf(Tensor gateUp) {
    Tensor out = ops.workspace.scratch(ops.compute, gateUp.dim(0), width);
    ops.kernels.swiglu(gateUp, out);
    return out;
  }

  private Tensor gate() {
    return ops.store.weight(gateUpName, 2 * width, hidden);
  }

  private Tensor down() {
    return ops.store.weight(downName, hidden, width);
  }
}
