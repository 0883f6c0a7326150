package dev.gyre.model;

import dev.gyre.kernels.Tensor;
import dev.gyre.model.tape.Variable;

/** A part of a layer that reads the residual stream and adds to it. */
sealed interface Block permits AttentionBlock, LinearAttentionBlock, DenseBlock, MoeBlock {
  int layer();

  Phase phase();

  Phase backwardPhase();

  /**
   * Composes the block's operations.
   *
   * @param x residual stream F32 [T,d]
   * @param next F32 [T,d], written: x plus the block's output; may be x where no backward follows
   */
  void forward(Variable x, Variable next, PassContext pass);

  /** What every block of a pass shares. */
  record PassContext(
      MicroBatch batch, Tensor ropeTable, RouterStatistics statistics, Observer observer) {}
}
