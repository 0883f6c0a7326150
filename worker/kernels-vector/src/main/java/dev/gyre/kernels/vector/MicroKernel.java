package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Simd.F;
import static dev.gyre.kernels.vector.Simd.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * The inner products of all matrix products: C += A·B for {@value #ROWS} rows and one or two
 * vectors of columns, on packed blocks in arrays.
 *
 * <p>A[i][n] lies at {@code a[at + i·aRow + n·aStep]} and is read by broadcasting single elements;
 * B is a panel of one or two vectors per n; C is a tile, its rows one behind the other.
 *
 * <p>Arrays, not memory segments: an access by address inlines so much that beyond six rows the JIT
 * stops inlining, which costs a factor of 5 to 100, while this form kept its speed in every JVM
 * tried. Accumulators start from loads, as those that start from zero vectors are boxed in some
 * runs. 24 accumulators, two vectors of B and one of A fit 32 registers; with 16 registers ({@link
 * Simd#MANY_REGISTERS}) panels are one vector wide.
 */
final class MicroKernel {
  static final int ROWS = 12;

  private MicroKernel() {}

  /** C[12][2 vectors] += Σ_n A[12][n]·B[n][2 vectors]. */
  static void twoVectors(
      int k, float[] a, int at, int aRow, int aStep, float[] b, int from, float[] c, int to) {
    FloatVector c0x0 = FloatVector.fromArray(F, c, to);
    FloatVector c0x1 = FloatVector.fromArray(F, c, to + LANES);
    FloatVector c1x0 = FloatVector.fromArray(F, c, to + 2 * LANES);
    FloatVector c1x1 = FloatVector.fromArray(F, c, to + 3 * LANES);
    FloatVector c2x0 = FloatVector.fromArray(F, c, to + 4 * LANES);
    FloatVector c2x1 = FloatVector.fromArray(F, c, to + 5 * LANES);
    FloatVector c3x0 = FloatVector.fromArray(F, c, to + 6 * LANES);
    FloatVector c3x1 = FloatVector.fromArray(F, c, to + 7 * LANES);
    FloatVector c4x0 = FloatVector.fromArray(F, c, to + 8 * LANES);
    FloatVector c4x1 = FloatVector.fromArray(F, c, to + 9 * LANES);
    FloatVector c5x0 = FloatVector.fromArray(F, c, to + 10 * LANES);
    FloatVector c5x1 = FloatVector.fromArray(F, c, to + 11 * LANES);
    FloatVector c6x0 = FloatVector.fromArray(F, c, to + 12 * LANES);
    FloatVector c6x1 = FloatVector.fromArray(F, c, to + 13 * LANES);
    FloatVector c7x0 = FloatVector.fromArray(F, c, to + 14 * LANES);
    FloatVector c7x1 = FloatVector.fromArray(F, c, to + 15 * LANES);
    FloatVector c8x0 = FloatVector.fromArray(F, c, to + 16 * LANES);
    FloatVector c8x1 = FloatVector.fromArray(F, c, to + 17 * LANES);
    FloatVector c9x0 = FloatVector.fromArray(F, c, to + 18 * LANES);
    FloatVector c9x1 = FloatVector.fromArray(F, c, to + 19 * LANES);
    FloatVector c10x0 = FloatVector.fromArray(F, c, to + 20 * LANES);
    FloatVector c10x1 = FloatVector.fromArray(F, c, to + 21 * LANES);
    FloatVector c11x0 = FloatVector.fromArray(F, c, to + 22 * LANES);
    FloatVector c11x1 = FloatVector.fromArray(F, c, to + 23 * LANES);
    for (int n = 0; n < k; n++) {
      int p = from + n * 2 * LANES;
      int q = at + n * aStep;
      FloatVector b0 = FloatVector.fromArray(F, b, p);
      FloatVector b1 = FloatVector.fromArray(F, b, p + LANES);
      FloatVector a0 = FloatVector.broadcast(F, a[q]);
      c0x0 = a0.fma(b0, c0x0);
      c0x1 = a0.fma(b1, c0x1);
      FloatVector a1 = FloatVector.broadcast(F, a[q + aRow]);
      c1x0 = a1.fma(b0, c1x0);
      c1x1 = a1.fma(b1, c1x1);
      FloatVector a2 = FloatVector.broadcast(F, a[q + 2 * aRow]);
      c2x0 = a2.fma(b0, c2x0);
      c2x1 = a2.fma(b1, c2x1);
      FloatVector a3 = FloatVector.broadcast(F, a[q + 3 * aRow]);
      c3x0 = a3.fma(b0, c3x0);
      c3x1 = a3.fma(b1, c3x1);
      FloatVector a4 = FloatVector.broadcast(F, a[q + 4 * aRow]);
      c4x0 = a4.fma(b0, c4x0);
      c4x1 = a4.fma(b1, c4x1);
      FloatVector a5 = FloatVector.broadcast(F, a[q + 5 * aRow]);
      c5x0 = a5.fma(b0, c5x0);
      c5x1 = a5.fma(b1, c5x1);
      FloatVector a6 = FloatVector.broadcast(F, a[q + 6 * aRow]);
      c6x0 = a6.fma(b0, c6x0);
      c6x1 = a6.fma(b1, c6x1);
      FloatVector a7 = FloatVector.broadcast(F, a[q + 7 * aRow]);
      c7x0 = a7.fma(b0, c7x0);
      c7x1 = a7.fma(b1, c7x1);
      FloatVector a8 = FloatVector.broadcast(F, a[q + 8 * aRow]);
      c8x0 = a8.fma(b0, c8x0);
      c8x1 = a8.fma(b1, c8x1);
      FloatVector a9 = FloatVector.broadcast(F, a[q + 9 * aRow]);
      c9x0 = a9.fma(b0, c9x0);
      c9x1 = a9.fma(b1, c9x1);
      FloatVector a10 = FloatVector.broadcast(F, a[q + 10 * aRow]);
      c10x0 = a10.fma(b0, c10x0);
      c10x1 = a10.fma(b1, c10x1);
      FloatVector a11 = FloatVector.broadcast(F, a[q + 11 * aRow]);
      c11x0 = a11.fma(b0, c11x0);
      c11x1 = a11.fma(b1, c11x1);
    }
    c0x0.intoArray(c, to);
    c0x1.intoArray(c, to + LANES);
    c1x0.intoArray(c, to + 2 * LANES);
    c1x1.intoArray(c, to + 3 * LANES);
    c2x0.intoArray(c, to + 4 * LANES);
    c2x1.intoArray(c, to + 5 * LANES);
    c3x0.intoArray(c, to + 6 * LANES);
    c3x1.intoArray(c, to + 7 * LANES);
    c4x0.intoArray(c, to + 8 * LANES);
    c4x1.intoArray(c, to + 9 * LANES);
    c5x0.intoArray(c, to + 10 * LANES);
    c5x1.intoArray(c, to + 11 * LANES);
    c6x0.intoArray(c, to + 12 * LANES);
    c6x1.intoArray(c, to + 13 * LANES);
    c7x0.intoArray(c, to + 14 * LANES);
    c7x1.intoArray(c, to + 15 * LANES);
    c8x0.intoArray(c, to + 16 * LANES);
    c8x1.intoArray(c, to + 17 * LANES);
    c9x0.intoArray(c, to + 18 * LANES);
    c9x1.intoArray(c, to + 19 * LANES);
    c10x0.intoArray(c, to + 20 * LANES);
    c10x1.intoArray(c, to + 21 * LANES);
    c11x0.intoArray(c, to + 22 * LANES);
    c11x1.intoArray(c, to + 23 * LANES);
  }

  /** C[12][1 vector] += Σ_n A[12][n]·B[n][1 vector]. */
  static void oneVector(
      int k, float[] a, int at, int aRow, int aStep, float[] b, int from, float[] c, int to) {
    FloatVector c0 = FloatVector.fromArray(F, c, to);
    FloatVector c1 = FloatVector.fromArray(F, c, to + LANES);
    FloatVector c2 = FloatVector.fromArray(F, c, to + 2 * LANES);
    FloatVector c3 = FloatVector.fromArray(F, c, to + 3 * LANES);
    FloatVector c4 = FloatVector.fromArray(F, c, to + 4 * LANES);
    FloatVector c5 = FloatVector.fromArray(F, c, to + 5 * LANES);
    FloatVector c6 = FloatVector.fromArray(F, c, to + 6 * LANES);
    FloatVector c7 = FloatVector.fromArray(F, c, to + 7 * LANES);
    FloatVector c8 = FloatVector.fromArray(F, c, to + 8 * LANES);
    FloatVector c9 = FloatVector.fromArray(F, c, to + 9 * LANES);
    FloatVector c10 = FloatVector.fromArray(F, c, to + 10 * LANES);
    FloatVector c11 = FloatVector.fromArray(F, c, to + 11 * LANES);
    for (int n = 0; n < k; n++) {
      int p = from + n * LANES;
      int q = at + n * aStep;
      FloatVector b0 = FloatVector.fromArray(F, b, p);
      FloatVector a0 = FloatVector.broadcast(F, a[q]);
      c0 = a0.fma(b0, c0);
      FloatVector a1 = FloatVector.broadcast(F, a[q + aRow]);
      c1 = a1.fma(b0, c1);
      FloatVector a2 = FloatVector.broadcast(F, a[q + 2 * aRow]);
      c2 = a2.fma(b0, c2);
      FloatVector a3 = FloatVector.broadcast(F, a[q + 3 * aRow]);
      c3 = a3.fma(b0, c3);
      FloatVector a4 = FloatVector.broadcast(F, a[q + 4 * aRow]);
      c4 = a4.fma(b0, c4);
      FloatVector a5 = FloatVector.broadcast(F, a[q + 5 * aRow]);
      c5 = a5.fma(b0, c5);
      FloatVector a6 = FloatVector.broadcast(F, a[q + 6 * aRow]);
      c6 = a6.fma(b0, c6);
      FloatVector a7 = FloatVector.broadcast(F, a[q + 7 * aRow]);
      c7 = a7.fma(b0, c7);
      FloatVector a8 = FloatVector.broadcast(F, a[q + 8 * aRow]);
      c8 = a8.fma(b0, c8);
      FloatVector a9 = FloatVector.broadcast(F, a[q + 9 * aRow]);
      c9 = a9.fma(b0, c9);
      FloatVector a10 = FloatVector.broadcast(F, a[q + 10 * aRow]);
      c10 = a10.fma(b0, c10);
      FloatVector a11 = FloatVector.broadcast(F, a[q + 11 * aRow]);
      c11 = a11.fma(b0, c11);
    }
    c0.intoArray(c, to);
    c1.intoArray(c, to + LANES);
    c2.intoArray(c, to + 2 * LANES);
    c3.intoArray(c, to + 3 * LANES);
    c4.intoArray(c, to + 4 * LANES);
    c5.intoArray(c, to + 5 * LANES);
    c6.intoArray(c, to + 6 * LANES);
    c7.intoArray(c, to + 7 * LANES);
    c8.intoArray(c, to + 8 * LANES);
    c9.intoArray(c, to + 9 * LANES);
    c10.intoArray(c, to + 10 * LANES);
    c11.intoArray(c, to + 11 * LANES);
  }
}
