package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Simd.ALL;
import static dev.gyre.kernels.vector.Simd.F;
import static dev.gyre.kernels.vector.Simd.I;
import static dev.gyre.kernels.vector.Simd.LANES;
import static dev.gyre.kernels.vector.Simd.ORDER;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The softmax of attention on blocks of transposed scores: a row is a key, a lane is a query, so
 * that maxima and sums need no step across lanes. Addresses and row strides are in bytes, counts in
 * elements; a call works on one vector of queries unless said otherwise. Nothing here allocates.
 *
 * <p>Probabilities are powers of two, p = 2^(s·scale2 − shift) with scale2 = scale·log₂e and a
 * whole number as shift. {@code base} = {@link #ROUNDER} − shift is exact. h = s·scale2 + base, one
 * rounding, holds n = round(s·scale2 − shift) in its low bits; r = s·scale2 + (base − h) is the
 * rest, |r| ≤ ½; {@link Exp} has the polynomial of 2^r. n below −126 gives 0. A score of −∞ gives
 * NaN, which no finite input has.
 *
 * <p>BF16 values are rounded to the nearest, ties away from zero (one integer add); ties are too
 * rare to bias a sum.
 *
 * <p>Bodies are small, one or two vectors at a time. In larger ones the JIT sometimes stops
 * inlining vector operations and boxes vectors, which is a hundred times slower.
 */
final class ScoreLanes {
  /** Shifts are whole numbers from here to {@link #MOST_SHIFT}: base is exact, at most 2^24. */
  static final float LEAST_SHIFT = -4194176f;

  static final float MOST_SHIFT = 16777216f;

  /** Scaled score of a masked pair: far below any shift, and small enough that 2^r is finite. */
  private static final double HIDDEN_EXPONENT = -1e12;

  /**
   * 1.5·2^23 + 127: adding it to x leaves n + 127, n the integer nearest to x, in the low bits of
   * the mantissa: the exponent bits of 2^n.
   */
  static final float ROUNDER = 12583039f;

  /** The bits of h for n = −127, whose exponent bits are those of 0. */
  private static final int ZERO_POWER = 0x4B400000;

  private static final int HALF_BF16 = 0x8000;
  private static final int HIGH_HALF = 0xFFFF0000;

  private ScoreLanes() {}

  /** The score of a masked pair: its probability is 0 for every shift. */
  static float hidden(float scale2) {
    return (float) Math.max(HIDDEN_EXPONENT / scale2, -Float.MAX_VALUE);
  }

  /** maxima = the largest score of each lane over the keys; NaN is ignored. */
  static void maxima(long block, int rowBytes, int keys, long maxima) {
    FloatVector m0 = FloatVector.fromMemorySegment(F, ALL, block, ORDER);
    // Separate start vectors: if accumulators share one, the JIT boxes all of them.
    FloatVector m1 = m0.add(0f);
    long at = block;
    int j = 0;
    for (; j + 2 <= keys; j += 2, at += 2L * rowBytes) {
      FloatVector a = FloatVector.fromMemorySegment(F, ALL, at, ORDER);
      FloatVector b = FloatVector.fromMemorySegment(F, ALL, at + rowBytes, ORDER);
      m0 = m0.blend(a, a.compare(VectorOperators.GT, m0));
      m1 = m1.blend(b, b.compare(VectorOperators.GT, m1));
    }
    if (j < keys) {
      FloatVector a = FloatVector.fromMemorySegment(F, ALL, at, ORDER);
      m0 = m0.blend(a, a.compare(VectorOperators.GT, m0));
    }
    m0.blend(m1, m1.compare(VectorOperators.GT, m0)).intoMemorySegment(ALL, maxima, ORDER);
  }

  /** Overwrites the scores by p; sums += Σ p. */
  static void exponentials(
      long block, int rowBytes, int keys, float scale2, long bases, long sums) {
    FloatVector base = FloatVector.fromMemorySegment(F, ALL, bases, ORDER);
    FloatVector sum = FloatVector.fromMemorySegment(F, ALL, sums, ORDER);
    FloatVector scales = FloatVector.broadcast(F, scale2);
    long at = block;
    for (int j = 0; j < keys; j++, at += rowBytes) {
      FloatVector s = FloatVector.fromMemorySegment(F, ALL, at, ORDER);
      FloatVector h = s.fma(scales, base);
      FloatVector r = s.fma(scales, base.sub(h));
      FloatVector p =
          r.fma(FloatVector.broadcast(F, Exp.P5), FloatVector.broadcast(F, Exp.P4))
              .fma(r, FloatVector.broadcast(F, Exp.P3))
              .fma(r, FloatVector.broadcast(F, Exp.P2))
              .fma(r, FloatVector.broadcast(F, Exp.P1))
              .fma(r, FloatVector.broadcast(F, 1f))
              .mul(
                  h.reinterpretAsInts()
                      .max(ZERO_POWER)
                      .lanewise(VectorOperators.LSHL, 23)
                      .reinterpretAsFloats());
      p.intoMemorySegment(ALL, at, ORDER);
      sum = sum.add(p);
    }
    sum.intoMemorySegment(ALL, sums, ORDER);
  }

  /** Rounds the values to BF16, in place; sums += Σ of what is stored. */
  static void round(long block, int rowBytes, int keys, long sums) {
    FloatVector sum = FloatVector.fromMemorySegment(F, ALL, sums, ORDER);
    long at = block;
    for (int j = 0; j < keys; j++, at += rowBytes) {
      FloatVector p =
          IntVector.fromMemorySegment(I, ALL, at, ORDER)
              .add(HALF_BF16)
              .and(HIGH_HALF)
              .reinterpretAsFloats();
      p.intoMemorySegment(ALL, at, ORDER);
      sum = sum.add(p);
    }
    sum.intoMemorySegment(ALL, sums, ORDER);
  }

  /**
   * Rounds the values to BF16 and stores two keys in each 32-bit element of {@code pairs}, the even
   * one in the lower half; sums += Σ of what is stored.
   *
   * @param keys even
   */
  static void roundToPairs(long block, int rowBytes, int keys, long sums, long pairs) {
    FloatVector sum = FloatVector.fromMemorySegment(F, ALL, sums, ORDER);
    long at = block;
    long to = pairs;
    for (int j = 0; j < keys; j += 2, at += 2L * rowBytes, to += rowBytes) {
      IntVector a = IntVector.fromMemorySegment(I, ALL, at, ORDER).add(HALF_BF16).and(HIGH_HALF);
      IntVector b =
          IntVector.fromMemorySegment(I, ALL, at + rowBytes, ORDER).add(HALF_BF16).and(HIGH_HALF);
      sum = sum.add(a.reinterpretAsFloats().add(b.reinterpretAsFloats()));
      a.lanewise(VectorOperators.LSHR, 16).or(b).intoMemorySegment(ALL, to, ORDER);
    }
    sum.intoMemorySegment(ALL, sums, ORDER);
  }

  /**
   * Overwrites the scores by p·factor, and {@code dBlock} by ds = p·factor·(dp·scale + shift).
   * Source: Dao, FlashAttention-2, algorithm 2.
   *
   * @param lanes three rows: bases, factors, and shifts, which are −delta·scale
   * @param laneBytes from one of the three to the next
   */
  static void gradients(
      long block,
      long dBlock,
      int rowBytes,
      int keys,
      float scale2,
      float scale,
      long lanes,
      long laneBytes) {
    FloatVector base = FloatVector.fromMemorySegment(F, ALL, lanes, ORDER);
    FloatVector factor = FloatVector.fromMemorySegment(F, ALL, lanes + laneBytes, ORDER);
    FloatVector shift = FloatVector.fromMemorySegment(F, ALL, lanes + 2 * laneBytes, ORDER);
    FloatVector scales = FloatVector.broadcast(F, scale2);
    long offset = 0;
    for (int j = 0; j < keys; j++, offset += rowBytes) {
      FloatVector s = FloatVector.fromMemorySegment(F, ALL, block + offset, ORDER);
      FloatVector h = s.fma(scales, base);
      FloatVector r = s.fma(scales, base.sub(h));
      FloatVector p =
          r.fma(FloatVector.broadcast(F, Exp.P5), FloatVector.broadcast(F, Exp.P4))
              .fma(r, FloatVector.broadcast(F, Exp.P3))
              .fma(r, FloatVector.broadcast(F, Exp.P2))
              .fma(r, FloatVector.broadcast(F, Exp.P1))
              .fma(r, FloatVector.broadcast(F, 1f))
              .mul(
                  h.reinterpretAsInts()
                      .max(ZERO_POWER)
                      .lanewise(VectorOperators.LSHL, 23)
                      .reinterpretAsFloats())
              .mul(factor);
      p.intoMemorySegment(ALL, block + offset, ORDER);
      FloatVector.fromMemorySegment(F, ALL, dBlock + offset, ORDER)
          .fma(FloatVector.broadcast(F, scale), shift)
          .mul(p)
          .intoMemorySegment(ALL, dBlock + offset, ORDER);
    }
  }

  /**
   * Rounds two vectors of queries to BF16. Each 32-bit element of a row of {@code pairs} holds a
   * query of the first vector in its lower half and one of the second in its upper half.
   */
  static void pairQueries(long block, int rowBytes, int keys, long pairs, int toBytes) {
    long at = block;
    long to = pairs;
    for (int j = 0; j < keys; j++, at += rowBytes, to += toBytes) {
      IntVector a = IntVector.fromMemorySegment(I, ALL, at, ORDER);
      IntVector b = IntVector.fromMemorySegment(I, ALL, at + 4L * LANES, ORDER);
      a.add(HALF_BF16)
          .lanewise(VectorOperators.LSHR, 16)
          .or(b.add(HALF_BF16).and(HIGH_HALF))
          .intoMemorySegment(ALL, to, ORDER);
    }
  }

  /**
   * Pairs of keys from pairs of queries: of two rows of {@link #pairQueries}, which hold queries
   * (i, i + lanes), to[i] and to[i + lanes] hold (first key, second key).
   *
   * @param keys even
   */
  static void transposePairs(long from, int fromBytes, int keys, long to, int toBytes) {
    long at = from;
    long into = to;
    for (int j = 0; j < keys; j += 2, at += 2L * fromBytes, into += toBytes) {
      IntVector a = IntVector.fromMemorySegment(I, ALL, at, ORDER);
      IntVector b = IntVector.fromMemorySegment(I, ALL, at + fromBytes, ORDER);
      a.and(0xFFFF).or(b.lanewise(VectorOperators.LSHL, 16)).intoMemorySegment(ALL, into, ORDER);
      a.lanewise(VectorOperators.LSHR, 16)
          .or(b.and(HIGH_HALF))
          .intoMemorySegment(ALL, into + 4L * LANES, ORDER);
    }
  }

  /** row[from..to) = value, for any bounds. */
  static void fill(long row, int from, int to, float value) {
    int i = from;
    for (; i + LANES <= to; i += LANES) {
      FloatVector.broadcast(F, value).intoMemorySegment(ALL, row + 4L * i, ORDER);
    }
    for (; i < to; i++) {
      Simd.set(row + 4L * i, value);
    }
  }

  /** Multiplies rows of one vector each by the factors of the lanes. */
  static void scale(long block, int rowBytes, int rows, long factors) {
    FloatVector factor = FloatVector.fromMemorySegment(F, ALL, factors, ORDER);
    long at = block;
    for (int d = 0; d < rows; d++, at += rowBytes) {
      FloatVector.fromMemorySegment(F, ALL, at, ORDER)
          .mul(factor)
          .intoMemorySegment(ALL, at, ORDER);
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
