package dev.gyre.model.tape;

import dev.gyre.kernels.Tensor;

/**
 * A part of the forward pass whose memory is saved and released as a unit: an attention block, an
 * MLP or experts block. Its input and output are not part of that memory.
 */
public interface Segment {
  /** The name for error messages, for example {@code layer 3 attention}. */
  String name();

  /**
   * Runs the operations, which record themselves on the tape. Unless everything is kept, it runs a
   * second time with the same input and must compute the same bits. The second time it need not
   * write its output; {@link Tape#replaying} tells which run it is.
   */
  void forward();

  /**
   * The input of the forward, whose memory other segments may reuse if activations are offloaded.
   */
  Tensor input();

  /** Called before the segment's backward. */
  default void backwardStarts() {}

  /** Called after the segment's backward, its memory released. */
  default void backwardEnded() {}
}
