package dev.gyre.deploy.bench;

import dev.gyre.comms.ProcessGroup;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What a rank's collectives work on.
 *
 * @param input f32 vector of the measured bytes
 * @param output as large for every member
 * @param scratch for sums
 */
record CollectiveBuffers(MemorySegment input, MemorySegment output, MemorySegment scratch) {
  static CollectiveBuffers allocate(ProcessGroup group, long bytes) {
    long scratchBytes = group.reduceScratchBytes(bytes / Float.BYTES);
    return new CollectiveBuffers(
        group.transport().allocate("input", bytes),
        group.transport().allocate("output", bytes * group.size()),
        group.transport().allocate("scratch", scratchBytes));
  }

  /** The beginnings of these. */
  CollectiveBuffers of(long bytes) {
    long members = output.byteSize() / input.byteSize();
    return new CollectiveBuffers(
        input.asSlice(0, bytes), output.asSlice(0, bytes * members), scratch);
  }

  /** Element i of the input is i modulo 1,000: sums of them are exact. */
  void fill() {
    output.fill((byte) 0);
    for (long i = 0; i < input.byteSize() / Float.BYTES; i++) {
      input.setAtIndex(ValueLayout.JAVA_FLOAT, i, value(i));
    }
  }

  static float value(long index) {
    return index % 1000;
  }

  /** Zeros: sums of sums stay finite however often they are taken. */
  void clear() {
    input.fill((byte) 0);
    output.fill((byte) 0);
  }
}
