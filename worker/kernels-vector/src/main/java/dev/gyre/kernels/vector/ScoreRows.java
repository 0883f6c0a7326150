package dev.gyre.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

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
@SuppressWarnings("restricted") // the whole address space as one segment
final class ScoreRows {
  /** Rows come in multiples of this many floats: the lanes of the widest vectors there are. */
  static final int PADDING = 16;

  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));
  private static final int LANES = FLOATS.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

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
    FloatVector m0 = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
    // Vectors of their own: sharing one makes the compiler box all.
    FloatVector m1 = m0.add(0f);
    FloatVector m2 = m0.add(0f);
    FloatVector m3 = m0.add(0f);
    int i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
      long at = row + 4L * i;
      FloatVector a = FloatVector.fromMemorySegment(FLOATS, ALL, at, ORDER);
      FloatVector b = FloatVector.fromMemorySegment(FLOATS, ALL, at + 4L * LANES, ORDER);
      FloatVector c = FloatVector.fromMemorySegment(FLOATS, ALL, at + 8L * LANES, ORDER);
      FloatVector d = FloatVector.fromMemorySegment(FLOATS, ALL, at + 12L * LANES, ORDER);
      m0 = m0.blend(a, a.compare(VectorOperators.GT, m0));
      m1 = m1.blend(b, b.compare(VectorOperators.GT, m1));
      m2 = m2.blend(c, c.compare(VectorOperators.GT, m2));
      m3 = m3.blend(d, d.compare(VectorOperators.GT, m3));
    }
    for (; i < count; i += LANES) {
      FloatVector a = FloatVector.fromMemorySegment(FLOATS, ALL, row + 4L * i, ORDER);
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
    FloatVector sum = FloatVector.fromMemorySegment(FLOATS, ALL, sums, ORDER).mul(keep);
    for (int i = 0; i < count; i += LANES) {
      FloatVector raw =
          FloatVector.fromMemorySegment(FLOATS, ALL, row + 4L * i, ORDER)
              .fma(FloatVector.broadcast(FLOATS, scale2), FloatVector.broadcast(FLOATS, -shift2));
      FloatVector x = raw.blend(LEAST, raw.compare(VectorOperators.LT, LEAST));
      FloatVector shifted = x.add(ROUNDER);
      FloatVector r = x.sub(shifted.sub(ROUNDER));
      FloatVector p =
          r.fma(FloatVector.broadcast(FLOATS, C5), FloatVector.broadcast(FLOATS, C4))
              .fma(r, FloatVector.broadcast(FLOATS, C3))
              .fma(r, FloatVector.broadcast(FLOATS, C2))
              .fma(r, FloatVector.broadcast(FLOATS, C1))
              .fma(r, FloatVector.broadcast(FLOATS, 1f))
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
    FloatVector sum = FloatVector.fromMemorySegment(FLOATS, ALL, sums, ORDER).mul(keep);
    for (int i = 0; i < count; i += LANES) {
      FloatVector raw =
          FloatVector.fromMemorySegment(FLOATS, ALL, row + 4L * i, ORDER)
              .fma(FloatVector.broadcast(FLOATS, scale2), FloatVector.broadcast(FLOATS, -shift2));
      FloatVector x = raw.blend(LEAST, raw.compare(VectorOperators.LT, LEAST));
      FloatVector shifted = x.add(ROUNDER);
      FloatVector r = x.sub(shifted.sub(ROUNDER));
      FloatVector p =
          r.fma(FloatVector.broadcast(FLOATS, C5), FloatVector.broadcast(FLOATS, C4))
              .fma(r, FloatVector.broadcast(FLOATS, C3))
              .fma(r, FloatVector.broadcast(FLOATS, C2))
              .fma(r, FloatVector.broadcast(FLOATS, C1))
              .fma(r, FloatVector.broadcast(FLOATS, 1f))
              .mul(
                  shifted
                      .reinterpretAsInts()
                      .lanewise(VectorOperators.LSHL, 23)
                      .add(ONE_BITS)
                      .reinterpretAsFloats());
      p.reinterpretAsInts()
          .add(HALF_BF16)
          .lanewise(VectorOperators.LSHR, 16)
          .convertShape(VectorOperators.I2S, SHORTS, 0)
          .intoMemorySegment(ALL, bf16 + 2L * i, ORDER);
      sum = sum.add(p);
    }
    sum.intoMemorySegment(ALL, sums, ORDER);
  }

  /** The sum of the lanes at {@code sums}, always in the same order. */
  static float total(long sums) {
    float total = 0;
    for (int i = 0; i < LANES; i++) {
      total += ALL.get(JAVA_FLOAT_UNALIGNED, sums + 4L * i);
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
          FloatVector.fromMemorySegment(FLOATS, ALL, row + 4L * i, ORDER)
              .fma(FloatVector.broadcast(FLOATS, scale2), FloatVector.broadcast(FLOATS, -shift2));
      FloatVector x = raw.blend(LEAST, raw.compare(VectorOperators.LT, LEAST));
      FloatVector shifted = x.add(ROUNDER);
      FloatVector r = x.sub(shifted.sub(ROUNDER));
      FloatVector p =
          r.fma(FloatVector.broadcast(FLOATS, C5), FloatVector.broadcast(FLOATS, C4))
              .fma(r, FloatVector.broadcast(FLOATS, C3))
              .fma(r, FloatVector.broadcast(FLOATS, C2))
              .fma(r, FloatVector.broadcast(FLOATS, C1))
              .fma(r, FloatVector.broadcast(FLOATS, 1f))
              .mul(
                  shifted
                      .reinterpretAsInts()
                      .lanewise(VectorOperators.LSHL, 23)
                      .add(ONE_BITS)
                      .reinterpretAsFloats());
      p.intoMemorySegment(ALL, row + 4L * i, ORDER);
      FloatVector.fromMemorySegment(FLOATS, ALL, dpRow + 4L * i, ORDER)
          .fma(FloatVector.broadcast(FLOATS, scale), FloatVector.broadcast(FLOATS, -delta * scale))
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
          FloatVector.fromMemorySegment(FLOATS, ALL, row + 4L * i, ORDER)
              .fma(FloatVector.broadcast(FLOATS, scale2), FloatVector.broadcast(FLOATS, -shift2));
      FloatVector x = raw.blend(LEAST, raw.compare(VectorOperators.LT, LEAST));
      FloatVector shifted = x.add(ROUNDER);
      FloatVector r = x.sub(shifted.sub(ROUNDER));
      FloatVector p =
          r.fma(FloatVector.broadcast(FLOATS, C5), FloatVector.broadcast(FLOATS, C4))
              .fma(r, FloatVector.broadcast(FLOATS, C3))
              .fma(r, FloatVector.broadcast(FLOATS, C2))
              .fma(r, FloatVector.broadcast(FLOATS, C1))
              .fma(r, FloatVector.broadcast(FLOATS, 1f))
              .mul(
                  shifted
                      .reinterpretAsInts()
                      .lanewise(VectorOperators.LSHL, 23)
                      .add(ONE_BITS)
                      .reinterpretAsFloats());
      p.reinterpretAsInts()
          .add(HALF_BF16)
          .lanewise(VectorOperators.LSHR, 16)
          .convertShape(VectorOperators.I2S, SHORTS, 0)
          .intoMemorySegment(ALL, pBf16 + 2L * i, ORDER);
      FloatVector ds =
          FloatVector.fromMemorySegment(FLOATS, ALL, dpRow + 4L * i, ORDER)
              .fma(
                  FloatVector.broadcast(FLOATS, scale),
                  FloatVector.broadcast(FLOATS, -delta * scale))
              .mul(p);
      ds.reinterpretAsInts()
          .add(HALF_BF16)
          .lanewise(VectorOperators.LSHR, 16)
          .convertShape(VectorOperators.I2S, SHORTS, 0)
          .intoMemorySegment(ALL, dsBf16 + 2L * i, ORDER);
    }
  }

  /** row[from..to) = −∞, for any bounds: scores no query may see. */
  static void hide(long row, int from, int to) {
    for (int i = from; i < to; i++) {
      ALL.set(JAVA_FLOAT_UNALIGNED, row + 4L * i, Float.NEGATIVE_INFINITY);
    }
  }

  /** row[from..to) = 0. */
  static void clear(long row, int from, int to) {
    for (int i = from; i < to; i += LANES) {
      FloatVector.broadcast(FLOATS, 0f).intoMemorySegment(ALL, row + 4L * i, ORDER);
    }
  }

  /** row[from..to) = 0, of BF16. */
  static void clearBf16(long row, int from, int to) {
    for (int i = from; i < to; i += LANES) {
      ShortVector.broadcast(SHORTS, 0).intoMemorySegment(ALL, row + 2L * i, ORDER);
    }
  }

  /** row *= factor. */
  static void scale(long row, int count, float factor) {
    for (int i = 0; i < count; i += LANES) {
      FloatVector.fromMemorySegment(FLOATS, ALL, row + 4L * i, ORDER)
          .mul(factor)
          .intoMemorySegment(ALL, row + 4L * i, ORDER);
    }
  }

  /** into = into·keep + row·share, for any count. */
  static void blend(long row, int count, float share, float keep, long into) {
    int i = 0;
    for (int end = FLOATS.loopBound(count); i < end; i += LANES) {
      FloatVector.fromMemorySegment(FLOATS, ALL, into + 4L * i, ORDER)
          .mul(keep)
          .add(FloatVector.fromMemorySegment(FLOATS, ALL, row + 4L * i, ORDER).mul(share))
          .intoMemorySegment(ALL, into + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      float before = ALL.get(JAVA_FLOAT_UNALIGNED, into + 4L * i) * keep;
      float added = ALL.get(JAVA_FLOAT_UNALIGNED, row + 4L * i) * share;
      ALL.set(JAVA_FLOAT_UNALIGNED, into + 4L * i, before + added);
    }
  }
}
