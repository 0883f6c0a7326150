package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Simd.ALL;
import static dev.gyre.kernels.vector.Simd.F;
import static dev.gyre.kernels.vector.Simd.LANES;
import static dev.gyre.kernels.vector.Simd.ORDER;

import jdk.incubator.vector.FloatVector;

/**
 * The inner products of all matrix products: C += A·B for 6 rows and one or two vectors of columns.
 *
 * <p>A is read by broadcasting single elements at {@code a + i·aRow + k·aStep} (bytes), B is a
 * packed panel of one or two vectors per k, C has {@code cRow} bytes from row to row. 12
 * accumulators, two panel vectors and one of A fit 16 registers and cover the latency of the
 * multiply-adds. With 8 rows the JIT stops inlining and the loop runs at a sixth of its speed;
 * accumulators that start from zero vectors instead of loads are boxed in some runs.
 */
final class MicroKernel {
  static final int ROWS = 6;

  private MicroKernel() {}

  /** C[6][2 vectors] += Σ_k A[6][k]·B[k][2 vectors]. */
  static void twoVectors(int k, long a, long aRow, long aStep, long b, long c, long cRow) {
    long step = 8L * LANES;
    long half = 4L * LANES;
    FloatVector c00 = FloatVector.fromMemorySegment(F, ALL, c, ORDER);
    FloatVector c01 = FloatVector.fromMemorySegment(F, ALL, c + half, ORDER);
    FloatVector c10 = FloatVector.fromMemorySegment(F, ALL, c + cRow, ORDER);
    FloatVector c11 = FloatVector.fromMemorySegment(F, ALL, c + cRow + half, ORDER);
    FloatVector c20 = FloatVector.fromMemorySegment(F, ALL, c + 2 * cRow, ORDER);
    FloatVector c21 = FloatVector.fromMemorySegment(F, ALL, c + 2 * cRow + half, ORDER);
    FloatVector c30 = FloatVector.fromMemorySegment(F, ALL, c + 3 * cRow, ORDER);
    FloatVector c31 = FloatVector.fromMemorySegment(F, ALL, c + 3 * cRow + half, ORDER);
    FloatVector c40 = FloatVector.fromMemorySegment(F, ALL, c + 4 * cRow, ORDER);
    FloatVector c41 = FloatVector.fromMemorySegment(F, ALL, c + 4 * cRow + half, ORDER);
    FloatVector c50 = FloatVector.fromMemorySegment(F, ALL, c + 5 * cRow, ORDER);
    FloatVector c51 = FloatVector.fromMemorySegment(F, ALL, c + 5 * cRow + half, ORDER);
    for (int n = 0; n < k; n++) {
      long p = b + n * step;
      long q = a + n * aStep;
      FloatVector b0 = FloatVector.fromMemorySegment(F, ALL, p, ORDER);
      FloatVector b1 = FloatVector.fromMemorySegment(F, ALL, p + half, ORDER);
      FloatVector a0 = FloatVector.broadcast(F, Simd.get(q));
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      FloatVector a1 = FloatVector.broadcast(F, Simd.get(q + aRow));
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      FloatVector a2 = FloatVector.broadcast(F, Simd.get(q + 2 * aRow));
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      FloatVector a3 = FloatVector.broadcast(F, Simd.get(q + 3 * aRow));
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
      FloatVector a4 = FloatVector.broadcast(F, Simd.get(q + 4 * aRow));
      c40 = a4.fma(b0, c40);
      c41 = a4.fma(b1, c41);
      FloatVector a5 = FloatVector.broadcast(F, Simd.get(q + 5 * aRow));
      c50 = a5.fma(b0, c50);
      c51 = a5.fma(b1, c51);
    }
    c00.intoMemorySegment(ALL, c, ORDER);
    c01.intoMemorySegment(ALL, c + half, ORDER);
    c10.intoMemorySegment(ALL, c + cRow, ORDER);
    c11.intoMemorySegment(ALL, c + cRow + half, ORDER);
    c20.intoMemorySegment(ALL, c + 2 * cRow, ORDER);
    c21.intoMemorySegment(ALL, c + 2 * cRow + half, ORDER);
    c30.intoMemorySegment(ALL, c + 3 * cRow, ORDER);
    c31.intoMemorySegment(ALL, c + 3 * cRow + half, ORDER);
    c40.intoMemorySegment(ALL, c + 4 * cRow, ORDER);
    c41.intoMemorySegment(ALL, c + 4 * cRow + half, ORDER);
    c50.intoMemorySegment(ALL, c + 5 * cRow, ORDER);
    c51.intoMemorySegment(ALL, c + 5 * cRow + half, ORDER);
  }

  /** C[6][1 vector] += Σ_k A[6][k]·B[k][1 vector]. */
  static void oneVector(int k, long a, long aRow, long aStep, long b, long c, long cRow) {
    long step = 4L * LANES;
    FloatVector c0 = FloatVector.fromMemorySegment(F, ALL, c, ORDER);
    FloatVector c1 = FloatVector.fromMemorySegment(F, ALL, c + cRow, ORDER);
    FloatVector c2 = FloatVector.fromMemorySegment(F, ALL, c + 2 * cRow, ORDER);
    FloatVector c3 = FloatVector.fromMemorySegment(F, ALL, c + 3 * cRow, ORDER);
    FloatVector c4 = FloatVector.fromMemorySegment(F, ALL, c + 4 * cRow, ORDER);
    FloatVector c5 = FloatVector.fromMemorySegment(F, ALL, c + 5 * cRow, ORDER);
    for (int n = 0; n < k; n++) {
      long q = a + n * aStep;
      FloatVector b0 = FloatVector.fromMemorySegment(F, ALL, b + n * step, ORDER);
      c0 = b0.fma(FloatVector.broadcast(F, Simd.get(q)), c0);
      c1 = b0.fma(FloatVector.broadcast(F, Simd.get(q + aRow)), c1);
      c2 = b0.fma(FloatVector.broadcast(F, Simd.get(q + 2 * aRow)), c2);
      c3 = b0.fma(FloatVector.broadcast(F, Simd.get(q + 3 * aRow)), c3);
      c4 = b0.fma(FloatVector.broadcast(F, Simd.get(q + 4 * aRow)), c4);
      c5 = b0.fma(FloatVector.broadcast(F, Simd.get(q + 5 * aRow)), c5);
    }
    c0.intoMemorySegment(ALL, c, ORDER);
    c1.intoMemorySegment(ALL, c + cRow, ORDER);
    c2.intoMemorySegment(ALL, c + 2 * cRow, ORDER);
    c3.intoMemorySegment(ALL, c + 3 * cRow, ORDER);
    c4.intoMemorySegment(ALL, c + 4 * cRow, ORDER);
    c5.intoMemorySegment(ALL, c + 5 * cRow, ORDER);
  }
}
