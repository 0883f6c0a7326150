package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Simd.ALL;
import static dev.gyre.kernels.vector.Simd.F;
import static dev.gyre.kernels.vector.Simd.LANES;
import static dev.gyre.kernels.vector.Simd.ORDER;
import static dev.gyre.kernels.vector.Simd.S;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Row primitives of blocked softmax attention on native memory. Addresses are in bytes; counts are
 * in elements and, unless said otherwise, multiples of {@link #PADDING}, so that no loop has a
 * tail: callers pad their score blocks to it. Nothing here allocates.
 *
 * <p>Probabilities are powers of two, p = 2^(s·scale2 − shift2) with scale2 = scale·log₂e: one
 * multiplication less than e^x, the same numbers. 2^x for x < 127 is 2^n·2^r, n = round(x), |r| ≤
 * ½, 2^r by a degree-5 minimax polynomial of relative error 2e-7 in f32; below 2^−126 the result is
 * 0. Only multiply-adds and integer shifts, so that every compiler of the JVM gives the same bits.
 *
 * <p>BF16 results are rounded to the nearest, ties away from zero (one integer add); ties are too
 * rare to bias a sum.
 */
final class ScoreRows {
  /** Rows come in multiples of this many floats: the lanes of the widest vectors there are. */
  static final int PADDING = 16;

  private static final float LEAST = -127f;

  /** 1.5·2^23: adding it leaves the nearest integer in the low bits of the mantissa. */
  private static final float ROUNDER = 12582912f;

  private static final int ONE_BITS = 0x3F800000;
  private static final int HALF_BF16 = 0x8000;
  private static final float C1 = 0.693147f;
  private static final float C2 = 0.24022242f;
  private static final float C3 = 0.055507336f;
  private static final float C4 = 0.009671513f;
  private static final float C5 = 0.0013264726f;

  private ScoreRows() {}

  /**
   * The largest of a row that is not NaN; −∞ if there is none. By comparison, and at the end as
   * integers: the Vector API's max of floats is three times slower, because of the order it gives
   * to NaN and −0. Four at a time, as a comparison and its blend take six cycles.
   */
  static float max(long row, int count) {
    FloatVector m0 = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
    // Vectors of their own: sharing one makes the compiler box all.
    FloatVector m1 = m0.add(0f);
    FloatVector m2 = m0.add(0f);
    FloatVector m3 = m0.add(0f);
    int i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
      long at = row + 4L * i;
      FloatVector a = FloatVector.fromMemorySegment(F, ALL, at, ORDER);
      FloatVector b = FloatVector.fromMemorySegment(F, ALL, at + 4L * LANES, ORDER);
      FloatVector c = FloatVector.fromMemorySegment(F, ALL, at + 8L * LANES, ORDER);
      FloatVector d = FloatVector.fromMemorySegment(F, ALL, at + 12L * LANES, ORDER);
      m0 = m0.blend(a, a.compare(VectorOperators.GT, m0));
      m1 = m1.blend(b, b.compare(VectorOperators.GT, m1));
      m2 = m2.blend(c, c.compare(VectorOperators.GT, m2));
      m3 = m3.blend(d, d.compare(VectorOperators.GT, m3));
    }
    for (; i < count; i += LANES) {
      FloatVector a = FloatVector.fromMemorySegment(F, ALL, row + 4L * i, ORDER);
      m0 = m0.blend(a, a.compare(VectorOperators.GT, m0));
    }
    m0 = m0.blend(m1, m1.compare(VectorOperators.GT, m0));
    m2 = m2.blend(m3, m3.compare(VectorOperators.GT, m2));
    IntVector bits = m0.blend(m2, m2.compare(VectorOperators.GT, m0)).reinterpretAsInts();
    IntVector magnitude = bits.lanewise(VectorOperators.ASHR, 31).and(Integer.MAX_VALUE);
    int largest = bits.lanewise(VectorOperators.XOR, magnitude).reduceLanes(VectorOperators.MAX);
    return Float.intBitsToFloat(largest ^ (largest >> 31 & Integer.MAX_VALUE));
  }

  /**
   * p = 2^(s·scale2 − shift2), in place; and sums = sums·keep + Σ p, lane by lane, where sums are
   * {@link #PADDING} floats that {@link #total} adds up.
   */
  static void exponentials(long row, int count, float scale2, float shift2, float keep, long sums) {
    FloatVector sum = FloatVector.fromMemorySegment(F, ALL, sums, ORDER).mul(keep);
    for (int i = 0; i < count; i += LANES) {
      FloatVector raw =
          FloatVector.fromMemorySegment(F, ALL, row + 4L * i, ORDER)
              .fma(FloatVector.broadcast(F, scale2), FloatVector.broadcast(F, -shift2));
      FloatVector x = raw.blend(LEAST, raw.compare(VectorOperators.LT, LEAST));
      FloatVector shifted = x.add(ROUNDER);
      FloatVector r = x.sub(shifted.sub(ROUNDER));
      FloatVector p =
          r.fma(FloatVector.broadcast(F, C5), FloatVector.broadcast(F, C4))
              .fma(r, FloatVector.broadcast(F, C3))
              .fma(r, FloatVector.broadcast(F, C2))
              .fma(r, FloatVector.broadcast(F, C1))
              .fma(r, FloatVector.broadcast(F, 1f))
              .mul(
                  shifted
                      .reinterpretAsInts()
                      .lanewise(VectorOperators.LSHL, 23)
                      .add(ONE_BITS)
                      .reinterpretAsFloats());
      p.intoMemorySegment(ALL, row + 4L * i, ORDER);
      sum = sum.add(p);
    }
    sum.intoMemorySegment(ALL, sums, ORDER);
  }

  /** {@link #exponentials} with p written as BF16 to {@code bf16}; the row keeps the scores. */
  static void exponentialsBf16(
      long row, int count, float scale2, float shift2, float keep, long sums, long bf16) {
    FloatVector sum = FloatVector.fromMemorySegment(F, ALL, sums, ORDER).mul(keep);
    for (int i = 0; i < count; i += LANES) {
      FloatVector raw =
          FloatVector.fromMemorySegment(F, ALL, row + 4L * i, ORDER)
              .fma(FloatVector.broadcast(F, scale2), FloatVector.broadcast(F, -shift2));
      FloatVector x = raw.blend(LEAST, raw.compare(VectorOperators.LT, LEAST));
      FloatVector shifted = x.add(ROUNDER);
      FloatVector r = x.sub(shifted.sub(ROUNDER));
      FloatVector p =
          r.fma(FloatVector.broadcast(F, C5), FloatVector.broadcast(F, C4))
              .fma(r, FloatVector.broadcast(F, C3))
              .fma(r, FloatVector.broadcast(F, C2))
              .fma(r, FloatVector.broadcast(F, C1))
              .fma(r, FloatVector.broadcast(F, 1f))
              .mul(
                  shifted
                      .reinterpretAsInts()
                      .lanewise(VectorOperators.LSHL, 23)
                      .add(ONE_BITS)
                      .reinterpretAsFloats());
      p.reinterpretAsInts()
          .add(HALF_BF16)
          .lanewise(VectorOperators.LSHR, 16)
          .convertShape(VectorOperators.I2S, S, 0)
          .intoMemorySegment(ALL, bf16 + 2L * i, ORDER);
      sum = sum.add(p);
    }
    sum.intoMemorySegment(ALL, sums, ORDER);
  }

  /** The sum of the lanes at {@code sums}, always in the same order. */
  static float total(long sums) {
    float total = 0;
    for (int i = 0; i < LANES; i++) {
      total += Simd.get(sums + 4L * i);
    }
    return total;
  }

  /**
   * p = 2^(s·scale2 − shift2) over the scores, and ds = p·(dp − delta)·scale over {@code dpRow}.
   * Source: Dao, FlashAttention-2, algorithm 2.
   */
  static void gradients(
      long row, long dpRow, int count, float scale2, float shift2, float delta, float scale) {
    for (int i = 0; i < count; i += LANES) {
      FloatVector raw =
          FloatVector.fromMemorySegment(F, ALL, row + 4L * i, ORDER)
              .fma(FloatVector.broadcast(F, scale2), FloatVector.broadcast(F, -shift2));
      FloatVector x = raw.blend(LEAST, raw.compare(VectorOperators.LT, LEAST));
      FloatVector shifted = x.add(ROUNDER);
      FloatVector r = x.sub(shifted.sub(ROUNDER));
      FloatVector p =
          r.fma(FloatVector.broadcast(F, C5), FloatVector.broadcast(F, C4))
              .fma(r, FloatVector.broadcast(F, C3))
              .fma(r, FloatVector.broadcast(F, C2))
              .fma(r, FloatVector.broadcast(F, C1))
              .fma(r, FloatVector.broadcast(F, 1f))
              .mul(
                  shifted
                      .reinterpretAsInts()
                      .lanewise(VectorOperators.LSHL, 23)
                      .add(ONE_BITS)
                      .reinterpretAsFloats());
      p.intoMemorySegment(ALL, row + 4L * i, ORDER);
      FloatVector.fromMemorySegment(F, ALL, dpRow + 4L * i, ORDER)
          .fma(FloatVector.broadcast(F, scale), FloatVector.broadcast(F, -delta * scale))
          .mul(p)
          .intoMemorySegment(ALL, dpRow + 4L * i, ORDER);
    }
  }

  /** {@link #gradients} with p and ds written as BF16 elsewhere; the rows keep what they have. */
  static void gradientsBf16(
      long row,
      long dpRow,
      int count,
      float scale2,
      float shift2,
      float delta,
      float scale,
      long pBf16,
      long dsBf16) {
    for (int i = 0; i < count; i += LANES) {
      FloatVector raw =
          FloatVector.fromMemorySegment(F, ALL, row + 4L * i, ORDER)
              .fma(FloatVector.broadcast(F, scale2), FloatVector.broadcast(F, -shift2));
      FloatVector x = raw.blend(LEAST, raw.compare(VectorOperators.LT, LEAST));
      FloatVector shifted = x.add(ROUNDER);
      FloatVector r = x.sub(shifted.sub(ROUNDER));
      FloatVector p =
          r.fma(FloatVector.broadcast(F, C5), FloatVector.broadcast(F, C4))
              .fma(r, FloatVector.broadcast(F, C3))
              .fma(r, FloatVector.broadcast(F, C2))
              .fma(r, FloatVector.broadcast(F, C1))
              .fma(r, FloatVector.broadcast(F, 1f))
              .mul(
                  shifted
                      .reinterpretAsInts()
                      .lanewise(VectorOperators.LSHL, 23)
                      .add(ONE_BITS)
                      .reinterpretAsFloats());
      p.reinterpretAsInts()
          .add(HALF_BF16)
          .lanewise(VectorOperators.LSHR, 16)
          .convertShape(VectorOperators.I2S, S, 0)
          .intoMemorySegment(ALL, pBf16 + 2L * i, ORDER);
      FloatVector ds =
          FloatVector.fromMemorySegment(F, ALL, dpRow + 4L * i, ORDER)
              .fma(FloatVector.broadcast(F, scale), FloatVector.broadcast(F, -delta * scale))
              .mul(p);
      ds.reinterpretAsInts()
          .add(HALF_BF16)
          .lanewise(VectorOperators.LSHR, 16)
          .convertShape(VectorOperators.I2S, S, 0)
          .intoMemorySegment(ALL, dsBf16 + 2L * i, ORDER);
    }
  }

  /** row[from..to) = −∞, for any bounds: scores no query may see. */
  static void hide(long row, int from, int to) {
    for (int i = from; i < to; i++) {
      Simd.set(row + 4L * i, Float.NEGATIVE_INFINITY);
    }
  }

  /** row[from..to) = 0. */
  static void clear(long row, int from, int to) {
    for (int i = from; i < to; i += LANES) {
      FloatVector.broadcast(F, 0f).intoMemorySegment(ALL, row + 4L * i, ORDER);
    }
  }

  /** row[from..to) = 0, of BF16. */
  static void clearBf16(long row, int from, int to) {
    for (int i = from; i < to; i += LANES) {
      ShortVector.broadcast(S, 0).intoMemorySegment(ALL, row + 2L * i, ORDER);
    }
  }

  /** row *= factor. */
  static void scale(long row, int count, float factor) {
    for (int i = 0; i < count; i += LANES) {
      FloatVector.fromMemorySegment(F, ALL, row + 4L * i, ORDER)
          .mul(factor)
          .intoMemorySegment(ALL, row + 4L * i, ORDER);
    }
  }

  /** into = into·keep + row·share, for any count. */
  static void blend(long row, int count, float share, float keep, long into) {
    int i = 0;
    for (int end = F.loopBound(count); i < end; i += LANES) {
      FloatVector.fromMemorySegment(F, ALL, into + 4L * i, ORDER)
          .mul(keep)
          .add(FloatVector.fromMemorySegment(F, ALL, row + 4L * i, ORDER).mul(share))
          .intoMemorySegment(ALL, into + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      float before = Simd.get(into + 4L * i) * keep;
      float added = Simd.get(row + 4L * i) * share;
      Simd.set(into + 4L * i, before + added);
    }
  }
}
