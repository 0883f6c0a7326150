package dev.gyre.model.tape;

import dev.gyre.kernels.Tensor;

/**
 * A stretch of the forward pass that saves and releases memory as one: an attention block, an MLP
 * or experts block. Its input and output live outside of it.
 */
public interface Segment {
  /** For errors, for example {@code layer 3 attention}. */
  String name();

  /**
   * Runs the operations, which record themselves on the tape. Unless all is kept it runs a second
   * time from the same input and must then do the same, bit for bit, but for its output, which is
   * still there or no longer needed; {@link Tape#replaying} tells.
   */
  void forward();

  /** What the forward reads, in memory that another segment may get if activations are stored. */
  Tensor input();

  /** Called before the segment's backward. */
  default void backwardStarts() {}

  /** Called after the segment's backward, its memory released. */
  default void backwardEnded() {}
}
