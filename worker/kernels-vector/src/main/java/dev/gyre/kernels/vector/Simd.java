package dev.gyre.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.gyre.kernels.BFloat16;
import dev.gyre.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** The vector species of all kernels, and the segment through which they access memory. */
@SuppressWarnings("restricted") // tensors are addresses
final class Simd {
  static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
  static final ByteOrder ORDER = ByteOrder.nativeOrder();
  static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
  static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;

  /** 16-bit lanes, as many as the float lanes of {@link #F}. */
  static final VectorSpecies<Short> S =
      VectorSpecies.of(short.class, VectorShape.forBitSize(F.vectorBitSize() / 2));

  static final int LANES = F.length();

  /** Whether this CPU has 32 vector registers (AVX-512, AArch64), not 16. */
  static final boolean MANY_REGISTERS =
      F.vectorBitSize() == 512 || System.getProperty("os.arch").equals("aarch64");

  private Simd() {}

  static float get(long address) {
    return ALL.get(JAVA_FLOAT_UNALIGNED, address);
  }

  static void set(long address, float value) {
    ALL.set(JAVA_FLOAT_UNALIGNED, address, value);
  }

  /** Element i of an I32 tensor. */
  static int index(Tensor t, long i) {
    return ALL.get(JAVA_INT_UNALIGNED, t.address() + 4 * i);
  }

  /** The 16 bits at an address, zero-extended. */
  static int bits16(long address) {
    return ALL.get(JAVA_SHORT_UNALIGNED, address) & 0xFFFF;
  }

  static void setBits(long address, int bits) {
    ALL.set(JAVA_INT_UNALIGNED, address, bits);
  }

  static float getBf16(long address) {
    return BFloat16.toFloat(ALL.get(JAVA_SHORT_UNALIGNED, address));
  }

  static void setBf16(long address, float value) {
    ALL.set(JAVA_SHORT_UNALIGNED, address, BFloat16.fromFloat(value));
  }

  /** Sum of the {@link #LANES} floats at {@code lanes}, in a fixed order. */
  static float sumLanes(long lanes) {
    float a = get(lanes);
    float b = LANES > 1 ? get(lanes + 4) : 0;
    float c = LANES > 2 ? get(lanes + 8) : 0;
    float d = LANES > 3 ? get(lanes + 12) : 0;
    for (int i = 4; i + 3 < LANES; i += 4) {
      a += get(lanes + 4L * i);
      b += get(lanes + 4L * i + 4);
      c += get(lanes + 4L * i + 8);
      d += get(lanes + 4L * i + 12);
    }
    return (a + b) + (c + d);
  }
}
