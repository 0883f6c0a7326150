package dev.gyre.model.port;

import dev.gyre.kernels.Tensor;

/**
 * Weights and their gradients by name. Today every rank holds all dense weights and its own
 * experts; a sharded store can fetch on {@link #weight} and let go on {@link #release}.
 */
public interface ParameterStore {
  /**
   * The weight as kernels want it: F32 for norms and routers, else the compute dtype.
   *
   * @param name Hugging Face name of the tensor, or of the first of several that lie one after
   *     another (an expert's w1 and w3; the same tensor of consecutive experts)
   * @param dims the view's dims
   */
  Tensor weight(String name, long... dims);

  /**
   * The gradient that kernels add to, F32, of the same view. Zeroed by the store before each step.
   */
  Tensor gradient(String name, long... dims);

  /** The tensors of a layer are not needed until they are next asked for. */
  void release(int layer);
}
