package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Simd.ALL;
import static dev.gyre.kernels.vector.Simd.F;
import static dev.gyre.kernels.vector.Simd.LANES;
import static dev.gyre.kernels.vector.Simd.ORDER;

import jdk.incubator.vector.FloatVector;

/** Multiplies rows of scores by their decay. */
final class VectorDecay {
  private VectorDecay() {}

  /** x[i] *= by[i], F32, for a count of whole vectors. */
  static void multiply(long by, long x, int count) {
    for (int i = 0; i < count; i += LANES) {
      FloatVector.fromMemorySegment(F, ALL, x + 4L * i, ORDER)
          .mul(FloatVector.fromMemorySegment(F, ALL, by + 4L * i, ORDER))
          .intoMemorySegment(ALL, x + 4L * i, ORDER);
    }
  }
}
