package dev.gyre.comms;

import static org.junit.jupiter.api.Assertions.fail;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Test payload: bytes and numbers that tell where they come from. */
final class Payload {
  private Payload() {}

  static byte byteAt(int from, int to, int message, long index) {
    return (byte) (from * 31 + to * 17 + message * 7 + index * 13 + (index >> 8));
  }

  static void fill(MemorySegment segment, int from, int to, int message) {
    for (long i = 0; i < segment.byteSize(); i++) {
      segment.set(ValueLayout.JAVA_BYTE, i, byteAt(from, to, message, i));
    }
  }

  static void check(MemorySegment segment, int from, int to, int message) {
    for (long i = 0; i < segment.byteSize(); i++) {
      if (segment.get(ValueLayout.JAVA_BYTE, i) != byteAt(from, to, message, i)) {
        fail(
            "byte %d of %d of message %d from %d to %d is wrong"
                .formatted(i, segment.byteSize(), message, from, to));
      }
    }
  }

  /** Values whose sum in f32 depends on the order of summation. */
  static float floatAt(int rank, long index) {
    return (float) (Math.sin(rank * 12.9898 + index * 78.233) * Math.pow(10, rank % 4));
  }

  static void fillFloats(MemorySegment segment, int rank) {
    for (long i = 0; i < segment.byteSize() / Float.BYTES; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, floatAt(rank, i));
    }
  }

  /** The sum in the order of {@code ranks}. */
  static float floatSum(int[] ranks, long index) {
    float sum = floatAt(ranks[0], index);
    for (int i = 1; i < ranks.length; i++) {
      sum += floatAt(ranks[i], index);
    }
    return sum;
  }
}
