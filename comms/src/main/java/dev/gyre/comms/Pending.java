package dev.gyre.comms;

/**
 * A transfer in flight. It owns its memory segments until it completes. Until then the caller must
 * not change (send), read (receive) or free the memory.
 */
public interface Pending {
  /** Progresses transfers without waiting; true once this transfer is complete. */
  boolean poll();

  /**
   * Progresses transfers until this one is complete. Spins and yields for about 30 µs before it
   * parks.
   *
   * @throws CommsException on the transport's deadline, an abort, or a lost peer; names both ranks
   */
  void await();
}
