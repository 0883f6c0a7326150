package dev.gyre.model;

import dev.gyre.kernels.Tensor;

/**
 * Watches a pass, and can replay router choices. Called on the model's thread; tensors belong to
 * the backend: read them after {@link dev.gyre.kernels.Backend#hostReads}, only during the call,
 * and do not write them unless a method says so.
 */
public interface Observer {
  /** Watches nothing. */
  Observer NONE = new Observer() {};

  /**
   * Called when the pass enters a part of the model.
   *
   * @param layer −1 outside of the layers
   */
  default void entering(int layer, ModelPhase phase) {}

  /** Logits F32 [n,V] of this rank's tokens from {@code firstToken}, tile after tile. */
  default void logits(long firstToken, Tensor logits) {}

  /**
   * Replaces the router's choices, which the combination weights then follow.
   *
   * @param indices I32 [T,k] to be written, after {@link dev.gyre.kernels.Backend#hostWrites}
   * @return whether it was
   */
  default boolean replay(int layer, Tensor indices) {
    return false;
  }

  /** The choices that will be used: indices I32 [T,k], best first; weights F32 [T,k]. */
  default void routed(int layer, Tensor indices, Tensor weights) {}
}
