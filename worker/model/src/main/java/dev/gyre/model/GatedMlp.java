package dev.gyre.model;

import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.model.Activation;
import org.jspecify.annotations.Nullable;

/**
 * Gate and up → activation → down projection, added to the residual: all tokens at once, or tile by
 * tile. With tiles, gate, up and hidden of only one tile are in memory, and backward recomputes
 * them. Tiles change no token's value; a weight's gradient is the sum of the tiles' in order, so
 * its last bits depend on the tile.
 *
 * <p>Legend: T tokens, n of a tile, d hidden size, F width.
 */
final class GatedMlp {
  private final Ops ops;
  private final GateKernel gate;
  private final Names weights;
  private final @Nullable Names biases;
  private final long width;
  private final int tile;

  /**
   * Names of the tensors of a kind.
   *
   * @param gateUp of the gate's; the up projection's follows it in memory
   */
  record Names(String gateUp, String down) {}

  /**
   * @param biases null for none
   * @param tile tokens of a tile; 0 for one tile, kept for backward
   */
  GatedMlp(
      Ops ops, Names weights, @Nullable Names biases, Activation activation, long width, int tile) {
    this.ops = ops;
    this.gate = GateKernel.of(activation, ops.kernels);
    this.weights = weights;
    this.biases = biases;
    this.width = width;
    this.tile = tile;
  }

  /**
   * next += MLP(h), after {@link Ops#carry}.
   *
   * @param next F32 [T,d]
   * @param h compute [T,d]
   */
  void addTo(Variable next, Variable h) {
    if (tile > 0) {
      addTiles(next, h);
      return;
    }
    long hidden = next.value().width();
    // gate and up are contiguous, so one matmul computes both halves of each row.
    Variable gateUp = ops.linear(h, weights.gateUp, hidden, ops.compute, 2 * width);
    if (biases != null) {
      ops.bias(gateUp, biases.gateUp, 2 * width);
    }
    ops.addLinear(ops.gated(gate, gateUp), weights.down, width, next);
    if (biases != null) {
      ops.addBias(biases.down, next);
    }
  }

  private void addTiles(Variable next, Variable h) {
    if (!ops.tape.replaying()) {
      ops.eachTile(
          h.value().dim(0),
          tile,
          (from, n) -> {
            Tensor gateUp = gateUp(h.value().slice(from, n));
            Tensor to = next.value().slice(from, n);
            ops.kernels.linear(hiddenOf(gateUp), down(to.width()), to, true);
            if (biases != null) {
              ops.kernels.addBias(to, ops.store.weight(biases.down, to.width()));
            }
          });
    }
    ops.tape.record(() -> backward(h, next));
  }

  private void backward(Variable h, Variable next) {
    Kernels kernels = ops.kernels;
    Workspace workspace = ops.workspace;
    long hidden = next.value().width();
    boolean accumulate = h.hasGradient();
    Tensor dh = h.gradientOrNew(workspace);
    ops.eachTile(
        h.value().dim(0),
        tile,
        (from, n) -> {
          Tensor in = h.value().slice(from, n);
          Tensor gateUp = gateUp(in);
          Tensor middle = hiddenOf(gateUp);
          Tensor dNext = next.gradient().slice(from, n);
          Tensor dy = ops.inCompute(dNext);
          Tensor dMiddle = workspace.scratch(ops.compute, n, width);
          kernels.linearBackwardInput(dy, down(hidden), dMiddle, false);
          kernels.linearBackwardWeight(dy, middle, ops.store.gradient(weights.down, hidden, width));
          Tensor dGateUp = workspace.scratch(ops.compute, n, 2 * width);
          gate.backward(dMiddle, gateUp, dGateUp);
          kernels.linearBackwardInput(dGateUp, gateUpWeight(hidden), dh.slice(from, n), accumulate);
          kernels.linearBackwardWeight(
              dGateUp, in, ops.store.gradient(weights.gateUp, 2 * width, hidden));
          if (biases != null) {
            kernels.addBiasBackward(dNext, ops.store.gradient(biases.down, hidden));
            kernels.addBiasBackward(dGateUp, ops.store.gradient(biases.gateUp, 2 * width));
          }
        });
  }

  /** [n,2F] in scratch. */
  private Tensor gateUp(Tensor h) {
    Tensor out = ops.workspace.scratch(ops.compute, h.dim(0), 2 * width);
    ops.kernels.linear(h, gateUpWeight(h.width()), out, false);
    if (biases != null) {
      ops.kernels.addBias(out, ops.store.weight(biases.gateUp, 2 * width));
    }
    return out;
  }

  /** [n,F] in scratch. */
  private Tensor hiddenOf(Tensor gateUp) {
    Tensor out = ops.workspace.scratch(ops.compute, gateUp.dim(0), width);
    gate.forward(gateUp, out);
    return out;
  }

  private Tensor gateUpWeight(long hidden) {
    return ops.store.weight(weights.gateUp, 2 * width, hidden);
  }

  private Tensor down(long hidden) {
    return ops.store.weight(weights.down, hidden, width);
  }
}
