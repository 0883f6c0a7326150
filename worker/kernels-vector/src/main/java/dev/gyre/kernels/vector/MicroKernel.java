package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Simd.F;
import static dev.gyre.kernels.vector.Simd.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * The inner products of all matrix products: C += A·B for a few rows and one or two vectors of
 * columns, on packed blocks in arrays.
 *
 * <p>A lies in rows, A[i][n] at {@code a[at + i·}{@link #ROW}{@code + n]}, or in columns, at {@code
 * a[at + n·}{@link #COLUMN}{@code + i]}, and is read by broadcasting single elements; B is a panel
 * of one or two vectors per n; C is a tile with contiguous rows. The strides of A are constants and
 * each layout has its own methods, because only then does the JIT hoist bounds checks out of the
 * loop. With strides in variables the loops are 9 % slower with 512-bit vectors and 40 % slower
 * with 256-bit vectors.
 *
 * <p>Operands are arrays, not memory segments: with segments, bodies of more than six rows exceed
 * the JIT's inlining limit and are 5 to 100 times slower. Accumulators start from loads, because in
 * some runs the JIT boxes accumulators that start from zero vectors. Tiles of two vectors have 8
 * rows, for machines with 32 registers ({@link Simd#MANY_REGISTERS}). Tiles of one vector have 12
 * rows; with one A and one B they fit in 16 registers.
 */
final class MicroKernel {
  /** Row stride of A: one cache line more than a power of two. */
  static final int ROW = 272;

  /** Column stride of A. */
  static final int COLUMN = 112;

  private MicroKernel() {}

  /** Rows of a tile of this width, in floats. */
  static int rows(int width) {
    return width > LANES ? 8 : 12;
  }

  /** C[8][2 vectors] += Σ_n A[8][n]·B[n][2 vectors], A in rows. */
  static void rowsTwoVectors(int k, float[] a, int at, float[] b, int from, float[] c, int to) {
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
    for (int n = 0; n < k; n++) {
      int p = from + n * 2 * LANES;
      int q = at + n;
      FloatVector b0 = FloatVector.fromArray(F, b, p);
      FloatVector b1 = FloatVector.fromArray(F, b, p + LANES);
      FloatVector a0 = FloatVector.broadcast(F, a[q]);
      c0x0 = a0.fma(b0, c0x0);
      c0x1 = a0.fma(b1, c0x1);
      FloatVector a1 = FloatVector.broadcast(F, a[q + ROW]);
      c1x0 = a1.fma(b0, c1x0);
      c1x1 = a1.fma(b1, c1x1);
      FloatVector a2 = FloatVector.broadcast(F, a[q + 2 * ROW]);
      c2x0 = a2.fma(b0, c2x0);
      c2x1 = a2.fma(b1, c2x1);
      FloatVector a3 = FloatVector.broadcast(F, a[q + 3 * ROW]);
      c3x0 = a3.fma(b0, c3x0);
      c3x1 = a3.fma(b1, c3x1);
      FloatVector a4 = FloatVector.broadcast(F, a[q + 4 * ROW]);
      c4x0 = a4.fma(b0, c4x0);
      c4x1 = a4.fma(b1, c4x1);
      FloatVector a5 = FloatVector.broadcast(F, a[q + 5 * ROW]);
      c5x0 = a5.fma(b0, c5x0);
      c5x1 = a5.fma(b1, c5x1);
      FloatVector a6 = FloatVector.broadcast(F, a[q + 6 * ROW]);
      c6x0 = a6.fma(b0, c6x0);
      c6x1 = a6.fma(b1, c6x1);
      FloatVector a7 = FloatVector.broadcast(F, a[q + 7 * ROW]);
      c7x0 = a7.fma(b0, c7x0);
      c7x1 = a7.fma(b1, c7x1);
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
  }

  /** C[12][1 vector] += Σ_n A[12][n]·B[n][1 vector], A in rows. */
  static void rowsOneVector(int k, float[] a, int at, float[] b, int from, float[] c, int to) {
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
      int q = at + n;
      FloatVector b0 = FloatVector.fromArray(F, b, p);
      FloatVector a0 = FloatVector.broadcast(F, a[q]);
      c0 = a0.fma(b0, c0);
      FloatVector a1 = FloatVector.broadcast(F, a[q + ROW]);
      c1 = a1.fma(b0, c1);
      FloatVector a2 = FloatVector.broadcast(F, a[q + 2 * ROW]);
      c2 = a2.fma(b0, c2);
      FloatVector a3 = FloatVector.broadcast(F, a[q + 3 * ROW]);
      c3 = a3.fma(b0, c3);
      FloatVector a4 = FloatVector.broadcast(F, a[q + 4 * ROW]);
      c4 = a4.fma(b0, c4);
      FloatVector a5 = FloatVector.broadcast(F, a[q + 5 * ROW]);
      c5 = a5.fma(b0, c5);
      FloatVector a6 = FloatVector.broadcast(F, a[q + 6 * ROW]);
      c6 = a6.fma(b0, c6);
      FloatVector a7 = FloatVector.broadcast(F, a[q + 7 * ROW]);
      c7 = a7.fma(b0, c7);
      FloatVector a8 = FloatVector.broadcast(F, a[q + 8 * ROW]);
      c8 = a8.fma(b0, c8);
      FloatVector a9 = FloatVector.broadcast(F, a[q + 9 * ROW]);
      c9 = a9.fma(b0, c9);
      FloatVector a10 = FloatVector.broadcast(F, a[q + 10 * ROW]);
      c10 = a10.fma(b0, c10);
      FloatVector a11 = FloatVector.broadcast(F, a[q + 11 * ROW]);
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

  /** C[8][2 vectors] += Σ_n A[8][n]·B[n][2 vectors], A in columns. */
  static void columnsTwoVectors(int k, float[] a, int at, float[] b, int from, float[] c, int to) {
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
    for (int n = 0; n < k; n++) {
      int p = from + n * 2 * LANES;
      int q = at + n * COLUMN;
      FloatVector b0 = FloatVector.fromArray(F, b, p);
      FloatVector b1 = FloatVector.fromArray(F, b, p + LANES);
      FloatVector a0 = FloatVector.broadcast(F, a[q]);
      c0x0 = a0.fma(b0, c0x0);
      c0x1 = a0.fma(b1, c0x1);
      FloatVector a1 = FloatVector.broadcast(F, a[q + 1]);
      c1x0 = a1.fma(b0, c1x0);
      c1x1 = a1.fma(b1, c1x1);
      FloatVector a2 = FloatVector.broadcast(F, a[q + 2]);
      c2x0 = a2.fma(b0, c2x0);
      c2x1 = a2.fma(b1, c2x1);
      FloatVector a3 = FloatVector.broadcast(F, a[q + 3]);
      c3x0 = a3.fma(b0, c3x0);
      c3x1 = a3.fma(b1, c3x1);
      FloatVector a4 = FloatVector.broadcast(F, a[q + 4]);
      c4x0 = a4.fma(b0, c4x0);
      c4x1 = a4.fma(b1, c4x1);
      FloatVector a5 = FloatVector.broadcast(F, a[q + 5]);
      c5x0 = a5.fma(b0, c5x0);
      c5x1 = a5.fma(b1, c5x1);
      FloatVector a6 = FloatVector.broadcast(F, a[q + 6]);
      c6x0 = a6.fma(b0, c6x0);
      c6x1 = a6.fma(b1, c6x1);
      FloatVector a7 = FloatVector.broadcast(F, a[q + 7]);
      c7x0 = a7.fma(b0, c7x0);
      c7x1 = a7.fma(b1, c7x1);
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
  }

  /** C[12][1 vector] += Σ_n A[12][n]·B[n][1 vector], A in columns. */
  static void columnsOneVector(int k, float[] a, int at, float[] b, int from, float[] c, int to) {
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
      int q = at + n * COLUMN;
      FloatVector b0 = FloatVector.fromArray(F, b, p);
      FloatVector a0 = FloatVector.broadcast(F, a[q]);
      c0 = a0.fma(b0, c0);
      FloatVector a1 = FloatVector.broadcast(F, a[q + 1]);
      c1 = a1.fma(b0, c1);
      FloatVector a2 = FloatVector.broadcast(F, a[q + 2]);
      c2 = a2.fma(b0, c2);
      FloatVector a3 = FloatVector.broadcast(F, a[q + 3]);
      c3 = a3.fma(b0, c3);
      FloatVector a4 = FloatVector.broadcast(F, a[q + 4]);
      c4 = a4.fma(b0, c4);
      FloatVector a5 = FloatVector.broadcast(F, a[q + 5]);
      c5 = a5.fma(b0, c5);
      FloatVector a6 = FloatVector.broadcast(F, a[q + 6]);
      c6 = a6.fma(b0, c6);
      FloatVector a7 = FloatVector.broadcast(F, a[q + 7]);
      c7 = a7.fma(b0, c7);
      FloatVector a8 = FloatVector.broadcast(F, a[q + 8]);
      c8 = a8.fma(b0, c8);
      FloatVector a9 = FloatVector.broadcast(F, a[q + 9]);
      c9 = a9.fma(b0, c9);
      FloatVector a10 = FloatVector.broadcast(F, a[q + 10]);
      c10 = a10.fma(b0, c10);
      FloatVector a11 = FloatVector.broadcast(F, a[q + 11]);
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
