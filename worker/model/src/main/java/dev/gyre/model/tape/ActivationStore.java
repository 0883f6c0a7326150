package dev.gyre.model.tape;

/**
 * Stores saved activations outside of the workspace until their segment's backward (offload). A
 * stack of bytes, last in, first out. Single-threaded.
 */
public interface ActivationStore {
  /**
   * Copies the bytes. The memory may be reused when this returns.
   *
   * @param address host address of the first byte, which the host may read
   * @throws RuntimeException if there is no room, saying what to do
   */
  void push(long address, long bytes);

  /**
   * Restores the last pushed bytes, whose number must be the same, so that host and kernels can
   * read them.
   */
  void pop(long address, long bytes);

  /** Discards everything, after a failed pass. */
  void clear();
}
