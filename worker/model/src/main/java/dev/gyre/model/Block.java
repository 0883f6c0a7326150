package dev.gyre.model;

import dev.gyre.kernels.Tensor;
import dev.gyre.model.port.ParameterUnit;
import dev.gyre.model.port.SequenceRow;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.Rotation;
import dev.gyre.partitioning.model.TensorNames;
import java.util.Map;
import java.util.Objects;

/** A part of a layer that reads the residual stream and adds to it. */
abstract sealed class Block
    permits AttentionBlock, LatentAttentionBlock, LinearAttentionBlock, DenseBlock, MoeBlock {
  final Ops ops;
  final ModelSpec model;
  final int layer;
  final TensorNames names;
  final ModelPhase phase;
  final ModelPhase backwardPhase;

  Block(Ops ops, ModelSpec model, int layer, ModelPhase phase, ModelPhase backwardPhase) {
    this.ops = ops;
    this.model = model;
    this.layer = layer;
    this.names = new TensorNames(layer);
    this.phase = phase;
    this.backwardPhase = backwardPhase;
  }

  /** The name for error messages, for example {@code layer 3 attention}. */
  final String name() {
    return "layer " + layer + " " + phase.label();
  }

  /** Whether it is the first block of its layer. */
  final boolean opensLayer() {
    return phase == ModelPhase.ATTENTION;
  }

  final ParameterUnit unit() {
    return ParameterUnit.ofLayer(layer);
  }

  /**
   * Composes the block's operations.
   *
   * @param x residual stream F32 [T,d]
   * @param next F32 [T,d], written: x plus the block's output; may be x if no backward follows
   */
  abstract void forward(Variable x, Variable next, PassContext pass);

  /** What every block of a pass shares. */
  record PassContext(
      MicroBatch batch,
      SequenceRow sequence,
      Map<Rotation, Tensor> ropeTables,
      RouterStatistics statistics,
      Observer observer) {
    Tensor ropeTable(Rotation rotation) {
      return Objects.requireNonNull(ropeTables.get(rotation), "a table for each rotation");
    }
  }
}
