package dev.gyre.comms.aeron;

import java.lang.foreign.MemorySegment;

/** All of this process's memory: Aeron's logs are given by address. */
final class RawMemory {
  static final MemorySegment ALL = all();

  private RawMemory() {}

  @SuppressWarnings("restricted")
  private static MemorySegment all() {
    return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
  }
}
