package dev.gyre.deploy.bench;

import dev.gyre.comms.ProcessGroup;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The buffers of a rank's collectives.
 *
 * @param input f32 vector of the measured bytes
 * @param output the same size for each member
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

  /** The first {@code bytes} of these buffers. */
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

  /** Zeros, so that repeated sums stay finite. */
  void clear() {
    input.fill((byte) 0);
    output.fill((byte) 0);
  }
}
