package dev.gyre.comms;

/**
 * A transfer under way. It owns its segments until it is done: the memory must be neither changed
 * (send) nor read (receive) nor freed before.
 */
public interface Pending {
  /** Makes progress without waiting; true once the transfer is complete. */
  boolean poll();

  /**
   * Drives progress until the transfer is complete, spinning and yielding for about 30 µs before it
   * parks.
   *
   * @throws CommsException on the transport's deadline, an abort, or a lost peer; names both
   */
  void await();
}
