package dev.gyre.comms;

import java.lang.foreign.MemorySegment;

/**
 * A receive of payload that is only read. The payload may stay in the sender's memory, without a
 * copy, until {@link #release}.
 */
public interface BorrowedReceive extends Pending {
  /** The payload, to be read between the receive's completion and {@link #release}. */
  MemorySegment payload();

  /**
   * Gives the payload back: the sender's handle completes. Call it once, and only after the receive
   * has completed.
   */
  void release();
}
