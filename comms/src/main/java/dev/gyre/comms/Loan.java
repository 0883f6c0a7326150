package dev.gyre.comms;

import java.lang.foreign.MemorySegment;

/** A receive of payload that is only read, perhaps where its sender has it. */
public interface Loan extends Pending {
  /** The payload, to be read between the receive's completion and {@link #release}. */
  MemorySegment payload();

  /**
   * Ends the loan: the sender's handle completes. Once, and only after the receive has completed.
   */
  void release();
}
