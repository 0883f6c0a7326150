package dev.gyre.model.port;

import dev.gyre.kernels.Tensor;

/**
 * Weights and their gradients by name, in units that are entered before use and left after it.
 *
 * <p>Every rank enters and leaves the same units in the same order, with tokens or without, in the
 * forward pass and again in the backward pass. So a store may gather a unit's weights from other
 * ranks when it is entered, and free them when it is left. After a failed pass, units may be left
 * open.
 */
public interface ParameterStore {
  /**
   * The weight in the dtype of kernels: F32 for norms and routers, else the compute dtype.
   *
   * @param name of the tensor, or of the first of several contiguous ones (gate and up of an
   *     expert; the same tensor of consecutive experts), in a unit that is entered
   * @param dims the view's dims
   */
  Tensor weight(String name, long... dims);

  /**
   * The F32 gradient of the same view, into which kernels accumulate. Zeroed by the store before
   * each step.
   */
  Tensor gradient(String name, long... dims);

  /** Makes the weights and gradients of a unit available. */
  void enter(ParameterUnit unit);

  /** The weights and gradients of a unit are not used until it is entered again. */
  void leave(ParameterUnit unit);
}
