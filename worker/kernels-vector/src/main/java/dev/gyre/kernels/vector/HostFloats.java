package dev.gyre.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** Single f32 values of host tensors, by address. */
@SuppressWarnings("restricted") // the whole address space as one segment
final class HostFloats {
  private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private HostFloats() {}

  static float get(long base, long index) {
    return ALL.get(JAVA_FLOAT_UNALIGNED, base + Float.BYTES * index);
  }

  static void set(long base, long index, float value) {
    ALL.set(JAVA_FLOAT_UNALIGNED, base + Float.BYTES * index, value);
  }
}
