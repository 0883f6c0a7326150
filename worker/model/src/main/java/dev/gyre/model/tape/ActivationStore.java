package dev.gyre.model.tape;

/**
 * Where saved memory waits outside of the workspace until its segment's backward: a stack of bytes,
 * last in, first out. Of one thread.
 */
public interface ActivationStore {
  /**
   * Takes a copy. The memory may be used for something else when this returns.
   *
   * @param address host address of the first byte, which the host may read
   * @throws RuntimeException if there is no room, saying what to do
   */
  void push(long address, long bytes);

  /** Puts back what was pushed last, which must have been of that many bytes, for all to read. */
  void pop(long address, long bytes);

  /** Forgets everything, after a pass that broke. */
  void clear();
}
