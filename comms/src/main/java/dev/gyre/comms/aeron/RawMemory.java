package dev.gyre.comms.aeron;

import java.lang.foreign.MemorySegment;

/** The whole address space of this process, because Aeron gives its logs by address. */
final class RawMemory {
  static final MemorySegment ALL = all();

  private RawMemory() {}

  @SuppressWarnings("restricted")
  private static MemorySegment all() {
    return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
  }
}
