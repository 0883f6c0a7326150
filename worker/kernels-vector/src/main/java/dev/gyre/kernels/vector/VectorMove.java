package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Simd.ALL;
import static dev.gyre.kernels.vector.Simd.F;
import static dev.gyre.kernels.vector.Simd.I;
import static dev.gyre.kernels.vector.Simd.LANES;
import static dev.gyre.kernels.vector.Simd.ORDER;
import static dev.gyre.kernels.vector.Simd.S;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Copies, fills and adds runs of floats. Arguments are host addresses and element counts; nothing
 * is checked. Runs may be unaligned; they do not overlap unless they are the same.
 */
public final class VectorMove {
  private VectorMove() {}

  /** to[i] = from[i], BF16 to F32. */
  public static void toF32(long from, long to, int count) {
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      IntVector bits =
          (IntVector)
              ShortVector.fromMemorySegment(S, ALL, from + 2L * i, ORDER)
                  .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0);
      bits.lanewise(VectorOperators.LSHL, 16).intoMemorySegment(ALL, to + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      Simd.set(to + 4L * i, Simd.getBf16(from + 2L * i));
    }
  }

  /** to[i] = from[i], F32 to BF16, to nearest even; a NaN stays a NaN. */
  public static void toBf16(long from, long to, int count) {
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      IntVector bits = IntVector.fromMemorySegment(I, ALL, from + 4L * i, ORDER);
      IntVector high = bits.lanewise(VectorOperators.LSHR, 16);
      VectorMask<Integer> nan =
          bits.lanewise(VectorOperators.AND, 0x7fffffff).compare(VectorOperators.GT, 0x7f800000);
      high.lanewise(VectorOperators.AND, 1)
          .add(bits)
          .add(0x7fff)
          .lanewise(VectorOperators.LSHR, 16)
          .blend(high.lanewise(VectorOperators.OR, 0x40), nan)
          .convertShape(VectorOperators.I2S, S, 0)
          .intoMemorySegment(ALL, to + 2L * i, ORDER);
    }
    for (; i < count; i++) {
      Simd.setBf16(to + 2L * i, Simd.get(from + 4L * i));
    }
  }

  /** to[i] = from[i], F32. */
  public static void copy(long from, long to, int count) {
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector.fromMemorySegment(F, ALL, from + 4L * i, ORDER)
          .intoMemorySegment(ALL, to + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      Simd.set(to + 4L * i, Simd.get(from + 4L * i));
    }
  }

  /** Sets bytes to 0. */
  public static void clear(long address, long bytes) {
    ALL.asSlice(address, bytes).fill((byte) 0);
  }

  /** x[i] = value, F32. */
  public static void fill(long x, int count, float value) {
    FloatVector all = FloatVector.broadcast(F, value);
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      all.intoMemorySegment(ALL, x + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      Simd.set(x + 4L * i, value);
    }
  }

  /** into[i] += x[i], F32. */
  public static void add(long x, long into, int count) {
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector.fromMemorySegment(F, ALL, into + 4L * i, ORDER)
          .add(FloatVector.fromMemorySegment(F, ALL, x + 4L * i, ORDER))
          .intoMemorySegment(ALL, into + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      Simd.set(into + 4L * i, Simd.get(into + 4L * i) + Simd.get(x + 4L * i));
    }
  }

  /** into[i] += factor·x[i], F32, fused. */
  public static void addScaled(float factor, long x, long into, int count) {
    FloatVector f = FloatVector.broadcast(F, factor);
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector.fromMemorySegment(F, ALL, x + 4L * i, ORDER)
          .fma(f, FloatVector.fromMemorySegment(F, ALL, into + 4L * i, ORDER))
          .intoMemorySegment(ALL, into + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      Simd.set(into + 4L * i, Math.fma(factor, Simd.get(x + 4L * i), Simd.get(into + 4L * i)));
    }
  }

  /** to[i] = factor·from[i], F32; the runs may be the same. */
  public static void scale(float factor, long from, long to, int count) {
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector.fromMemorySegment(F, ALL, from + 4L * i, ORDER)
          .mul(factor)
          .intoMemorySegment(ALL, to + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      Simd.set(to + 4L * i, Simd.get(from + 4L * i) * factor);
    }
  }

  /**
   * Σ a[i]·b[i], F32.
   *
   * @param lanes room for one vector (64 bytes are always enough)
   */
  public static float dot(long a, long b, int count, long lanes) {
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.broadcast(F, 0f);
    int bound = count - count % (2 * LANES);
    int i = 0;
    for (; i < bound; i += 2 * LANES) {
      even =
          FloatVector.fromMemorySegment(F, ALL, a + 4L * i, ORDER)
              .fma(FloatVector.fromMemorySegment(F, ALL, b + 4L * i, ORDER), even);
      odd =
          FloatVector.fromMemorySegment(F, ALL, a + 4L * (i + LANES), ORDER)
              .fma(FloatVector.fromMemorySegment(F, ALL, b + 4L * (i + LANES), ORDER), odd);
    }
    even.add(odd).intoMemorySegment(ALL, lanes, ORDER);
    float sum = Simd.sumLanes(lanes);
    for (; i < count; i++) {
      sum = Math.fma(Simd.get(a + 4L * i), Simd.get(b + 4L * i), sum);
    }
    return sum;
  }

  /** Largest of x[i], F32; −∞ if count is 0, NaN if one is NaN. */
  public static float max(long x, int count) {
    FloatVector best = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector v = FloatVector.fromMemorySegment(F, ALL, x + 4L * i, ORDER);
      // FloatVector.max also orders the zeros, which costs more than two comparisons.
      best =
          best.blend(v, v.compare(VectorOperators.GT, best).or(v.compare(VectorOperators.NE, v)));
    }
    float max = best.reduceLanes(VectorOperators.MAX);
    for (; i < count; i++) {
      max = Math.max(max, Simd.get(x + 4L * i));
    }
    return max;
  }
}
