package dev.gyre.model.port;

import dev.gyre.kernels.Tensor;

/** Weights and their gradients by name. A rank holds all dense weights and its own experts. */
public interface ParameterStore {
  /**
   * The weight in the dtype of kernels: F32 for norms and routers, else the compute dtype.
   *
   * @param name Hugging Face name of the tensor, or of the first of several contiguous ones (an
   *     expert's w1 and w3; the same tensor of consecutive experts)
   * @param dims the view's dims
   */
  Tensor weight(String name, long... dims);

  /**
   * The F32 gradient of the same view, into which kernels accumulate. Zeroed by the store before
   * each step.
   */
  Tensor gradient(String name, long... dims);

  /** Tells the store that a layer's tensors are not needed until the next request. */
  void release(int layer);
}
