package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Simd.ALL;
import static dev.gyre.kernels.vector.Simd.F;
import static dev.gyre.kernels.vector.Simd.LANES;
import static dev.gyre.kernels.vector.Simd.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Kernels over one row of F32. Arguments are host addresses and element counts; nothing is checked.
 * BF16 rows are widened by {@link VectorMove#toF32} first. {@code lanes} is room for one vector: 64
 * bytes are always enough.
 */
final class VectorRows {
  /**
   * Elements summed in f32 before they are added to an f64 sum. With 32,000 elements in one f32
   * sum, the relative rounding error would be 6e-6.
   */
  private static final int SUM_RUN = 1024;

  private static final VectorSpecies<Double> D = DoubleVector.SPECIES_PREFERRED;

  /** Float vectors with as many lanes as {@link #D}. */
  private static final VectorSpecies<Float> HALF =
      VectorSpecies.of(float.class, VectorShape.forBitSize(D.vectorBitSize() / 2));

  private VectorRows() {}

  /**
   * to[i] = exp(from[i]·scale − shift), and their sum. The runs may be the same. Relative error
   * below 2e-7 beside the argument's own rounding; arguments under −87.3 give 0, over 88.3
   * saturate, NaN stays.
   */
  static float exp(long from, long to, int count, float scale, float shift, long lanes) {
    FloatVector sum = FloatVector.zero(F);
    FloatVector scales = FloatVector.broadcast(F, scale);
    FloatVector negShift = FloatVector.broadcast(F, -shift);
    FloatVector log2e = FloatVector.broadcast(F, Exp.LOG2_E);
    FloatVector rounder = FloatVector.broadcast(F, Exp.ROUNDER);
    FloatVector ln2High = FloatVector.broadcast(F, -Exp.LN2_HIGH);
    FloatVector ln2Low = FloatVector.broadcast(F, -Exp.LN2_LOW);
    FloatVector c2 = FloatVector.broadcast(F, Exp.C2);
    FloatVector c3 = FloatVector.broadcast(F, Exp.C3);
    FloatVector c4 = FloatVector.broadcast(F, Exp.C4);
    FloatVector c5 = FloatVector.broadcast(F, Exp.C5);
    FloatVector c6 = FloatVector.broadcast(F, Exp.C6);
    FloatVector one = FloatVector.broadcast(F, 1f);
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector x =
          FloatVector.fromMemorySegment(F, ALL, from + 4L * i, ORDER).fma(scales, negShift);
      VectorMask<Float> none = x.compare(VectorOperators.LT, Exp.LOW);
      x = x.blend(Exp.HIGH, x.compare(VectorOperators.GT, Exp.HIGH));
      FloatVector t = x.fma(log2e, rounder);
      FloatVector n = t.sub(rounder);
      FloatVector r = n.fma(ln2Low, n.fma(ln2High, x));
      FloatVector p = c6.fma(r, c5).fma(r, c4).fma(r, c3).fma(r, c2).fma(r, one).fma(r, one);
      FloatVector power =
          t.reinterpretAsInts()
              .lanewise(VectorOperators.LSHL, 23)
              .add(Exp.ONE_BITS)
              .reinterpretAsFloats();
      FloatVector y = p.mul(power).blend(0f, none);
      y.intoMemorySegment(ALL, to + 4L * i, ORDER);
      sum = sum.add(y);
    }
    sum.intoMemorySegment(ALL, lanes, ORDER);
    float total = Simd.sumLanes(lanes);
    for (; i < count; i++) {
      float y = exp(Math.fma(Simd.get(from + 4L * i), scale, -shift));
      Simd.set(to + 4L * i, y);
      total += y;
    }
    return total;
  }

  /** One exp, with the same operations as the vector loop. */
  static float exp(float x) {
    if (x < Exp.LOW) {
      return 0;
    }
    float clamped = x > Exp.HIGH ? Exp.HIGH : x;
    float t = Math.fma(clamped, Exp.LOG2_E, Exp.ROUNDER);
    float n = t - Exp.ROUNDER;
    float r = Math.fma(n, -Exp.LN2_LOW, Math.fma(n, -Exp.LN2_HIGH, clamped));
    float p = Math.fma(Math.fma(Math.fma(Exp.C6, r, Exp.C5), r, Exp.C4), r, Exp.C3);
    p = Math.fma(Math.fma(Math.fma(p, r, Exp.C2), r, 1), r, 1);
    return p * Float.intBitsToFloat((Float.floatToRawIntBits(t) << 23) + Exp.ONE_BITS);
  }

  /** Writes y = x·rstd·weight and returns rstd = 1/√(mean(x²) + eps). x and y may be the same. */
  static float rmsNorm(long x, long weight, float eps, long y, int width, long lanes) {
    float squares = VectorMove.dot(x, x, width, lanes);
    float rstd = (float) (1 / Math.sqrt((double) squares / width + eps));
    int bound = F.loopBound(width);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector.fromMemorySegment(F, ALL, x + 4L * i, ORDER)
          .mul(rstd)
          .mul(FloatVector.fromMemorySegment(F, ALL, weight + 4L * i, ORDER))
          .intoMemorySegment(ALL, y + 4L * i, ORDER);
    }
    for (; i < width; i++) {
      Simd.set(y + 4L * i, Simd.get(x + 4L * i) * rstd * Simd.get(weight + 4L * i));
    }
    return rstd;
  }

  /** dx += rstd·(g − n·mean(g·n)) and dweight += dy·n, with n = x·rstd and g = dy·weight. */
  static void rmsNormBackward(
      long dy, long x, long weight, float rstd, long dx, long dweight, int width, long lanes) {
    float mean = dot3(dy, weight, x, width, lanes) * rstd / width;
    float slope = -rstd * rstd * mean;
    int bound = F.loopBound(width);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector d = FloatVector.fromMemorySegment(F, ALL, dy + 4L * i, ORDER);
      FloatVector v = FloatVector.fromMemorySegment(F, ALL, x + 4L * i, ORDER);
      FloatVector w = FloatVector.fromMemorySegment(F, ALL, weight + 4L * i, ORDER);
      d.mul(v)
          .mul(rstd)
          .add(FloatVector.fromMemorySegment(F, ALL, dweight + 4L * i, ORDER))
          .intoMemorySegment(ALL, dweight + 4L * i, ORDER);
      d.mul(w)
          .mul(rstd)
          .add(v.mul(slope))
          .add(FloatVector.fromMemorySegment(F, ALL, dx + 4L * i, ORDER))
          .intoMemorySegment(ALL, dx + 4L * i, ORDER);
    }
    for (; i < width; i++) {
      float d = Simd.get(dy + 4L * i);
      float v = Simd.get(x + 4L * i);
      Simd.set(dweight + 4L * i, d * v * rstd + Simd.get(dweight + 4L * i));
      float dxi = d * Simd.get(weight + 4L * i) * rstd + v * slope;
      Simd.set(dx + 4L * i, dxi + Simd.get(dx + 4L * i));
    }
  }

  /** Σ a·b·c. */
  private static float dot3(long a, long b, long c, int count, long lanes) {
    FloatVector sum = FloatVector.zero(F);
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      sum =
          FloatVector.fromMemorySegment(F, ALL, a + 4L * i, ORDER)
              .mul(FloatVector.fromMemorySegment(F, ALL, b + 4L * i, ORDER))
              .fma(FloatVector.fromMemorySegment(F, ALL, c + 4L * i, ORDER), sum);
    }
    sum.intoMemorySegment(ALL, lanes, ORDER);
    float total = Simd.sumLanes(lanes);
    for (; i < count; i++) {
      total = Math.fma(Simd.get(a + 4L * i) * Simd.get(b + 4L * i), Simd.get(c + 4L * i), total);
    }
    return total;
  }

  /**
   * Rotates one head in place: (a, b) becomes (a·cos − b·sin, b·cos + a·sin), a the first {@code
   * half} elements, b the rest.
   *
   * @param sign 1, or −1 to rotate back
   */
  static void rope(long x, long cos, long sin, int half, float sign) {
    int bound = F.loopBound(half);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector c = FloatVector.fromMemorySegment(F, ALL, cos + 4L * i, ORDER);
      FloatVector s = FloatVector.fromMemorySegment(F, ALL, sin + 4L * i, ORDER).mul(sign);
      FloatVector a = FloatVector.fromMemorySegment(F, ALL, x + 4L * i, ORDER);
      FloatVector b = FloatVector.fromMemorySegment(F, ALL, x + 4L * (i + half), ORDER);
      a.mul(c).sub(b.mul(s)).intoMemorySegment(ALL, x + 4L * i, ORDER);
      b.mul(c).add(a.mul(s)).intoMemorySegment(ALL, x + 4L * (i + half), ORDER);
    }
    for (; i < half; i++) {
      float c = Simd.get(cos + 4L * i);
      float s = Simd.get(sin + 4L * i) * sign;
      float a = Simd.get(x + 4L * i);
      float b = Simd.get(x + 4L * (i + half));
      Simd.set(x + 4L * i, a * c - b * s);
      Simd.set(x + 4L * (i + half), b * c + a * s);
    }
  }

  /** y[i] = σ(x[i]). The runs may not be the same. */
  static void sigmoid(long x, long y, int count, long lanes) {
    float _ = exp(x, y, count, -1, 0, lanes);
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector.broadcast(F, 1f)
          .div(FloatVector.fromMemorySegment(F, ALL, y + 4L * i, ORDER).add(1f))
          .intoMemorySegment(ALL, y + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      Simd.set(y + 4L * i, 1f / (Simd.get(y + 4L * i) + 1f));
    }
  }

  /**
   * sum[h] −= exp(sinks[h] − lse[h])·delta[h]; where lse is −∞, sum stays.
   *
   * @param scratch room for {@code count} floats and one vector
   */
  static void addSinkGradients(
      long sinks, long lse, long delta, long sum, int count, long scratch) {
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector.fromMemorySegment(F, ALL, sinks + 4L * i, ORDER)
          .sub(FloatVector.fromMemorySegment(F, ALL, lse + 4L * i, ORDER))
          .intoMemorySegment(ALL, scratch + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      Simd.set(scratch + 4L * i, Simd.get(sinks + 4L * i) - Simd.get(lse + 4L * i));
    }
    float _ = exp(scratch, scratch, count, 1, 0, scratch + 4L * count);
    i = 0;
    for (; i < bound; i += LANES) {
      FloatVector l = FloatVector.fromMemorySegment(F, ALL, lse + 4L * i, ORDER);
      FloatVector product =
          FloatVector.fromMemorySegment(F, ALL, scratch + 4L * i, ORDER)
              .mul(FloatVector.fromMemorySegment(F, ALL, delta + 4L * i, ORDER))
              .blend(0f, l.compare(VectorOperators.EQ, Float.NEGATIVE_INFINITY));
      FloatVector.fromMemorySegment(F, ALL, sum + 4L * i, ORDER)
          .sub(product)
          .intoMemorySegment(ALL, sum + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      float product = Simd.get(scratch + 4L * i) * Simd.get(delta + 4L * i);
      boolean empty = Simd.get(lse + 4L * i) == Float.NEGATIVE_INFINITY;
      Simd.set(sum + 4L * i, Simd.get(sum + 4L * i) - (empty ? 0f : product));
    }
  }

  /**
   * h = silu(gate)·up.
   *
   * @param scratch room for {@code count} floats and one vector
   */
  static void swiglu(long gate, long up, long h, int count, long scratch) {
    float _ = exp(gate, scratch, count, -1, 0, scratch + 4L * count);
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector.fromMemorySegment(F, ALL, gate + 4L * i, ORDER)
          .div(FloatVector.fromMemorySegment(F, ALL, scratch + 4L * i, ORDER).add(1f))
          .mul(FloatVector.fromMemorySegment(F, ALL, up + 4L * i, ORDER))
          .intoMemorySegment(ALL, h + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      float silu = Simd.get(gate + 4L * i) / (Simd.get(scratch + 4L * i) + 1f);
      Simd.set(h + 4L * i, silu * Simd.get(up + 4L * i));
    }
  }

  /**
   * With s = sigmoid(gate): dGate = dh·up·s·(1 + gate·(1 − s)), dUp = dh·gate·s. dGate may be gate,
   * dUp may be up.
   *
   * @param scratch room for {@code count} floats and one vector
   */
  static void swigluBackward(
      long dh, long gate, long up, long dGate, long dUp, int count, long scratch) {
    float _ = exp(gate, scratch, count, -1, 0, scratch + 4L * count);
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector e = FloatVector.fromMemorySegment(F, ALL, scratch + 4L * i, ORDER);
      FloatVector s = FloatVector.broadcast(F, 1f).div(e.add(1f));
      FloatVector g = FloatVector.fromMemorySegment(F, ALL, gate + 4L * i, ORDER);
      FloatVector u = FloatVector.fromMemorySegment(F, ALL, up + 4L * i, ORDER);
      FloatVector ds = FloatVector.fromMemorySegment(F, ALL, dh + 4L * i, ORDER).mul(s);
      ds.mul(g).intoMemorySegment(ALL, dUp + 4L * i, ORDER);
      // 1 − s without cancellation is e·s
      g.mul(e.mul(s)).add(1f).mul(ds.mul(u)).intoMemorySegment(ALL, dGate + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      float e = Simd.get(scratch + 4L * i);
      float s = 1f / (e + 1f);
      float g = Simd.get(gate + 4L * i);
      float u = Simd.get(up + 4L * i);
      float ds = Simd.get(dh + 4L * i) * s;
      Simd.set(dUp + 4L * i, ds * g);
      Simd.set(dGate + 4L * i, (g * (e * s) + 1f) * (ds * u));
    }
  }

  /**
   * Overwrites the logits by (softmax − onehot(label))·gradScale and returns the loss in nats.
   *
   * @param label below {@code count}
   */
  static float crossEntropy(long logits, int count, int label, float gradScale, long lanes) {
    float max = VectorMove.max(logits, count);
    float labelled = Simd.get(logits + 4L * label);
    double sum = 0;
    for (int i = 0; i < count; i += SUM_RUN) {
      long run = logits + 4L * i;
      sum += exp(run, run, Math.min(SUM_RUN, count - i), 1, max, lanes);
    }
    VectorMove.scale((float) (gradScale / sum), logits, logits, count);
    Simd.set(logits + 4L * label, Simd.get(logits + 4L * label) - gradScale);
    return (float) (StrictMath.log(sum) + ((double) max - labelled));
  }

  /** Σ x in f64, in index order. */
  static double sum(long x, int count, double start) {
    double sum = start;
    for (int i = 0; i < count; i++) {
      sum += Simd.get(x + 4L * i);
    }
    return sum;
  }

  /**
   * Σ x² in f64: a sum for each lane of two vectors, added at the end in their order.
   *
   * @param lanes room for two vectors
   */
  static double sumSquares(long x, int count, long lanes) {
    DoubleVector even = DoubleVector.zero(D);
    DoubleVector odd = DoubleVector.broadcast(D, 0.0);
    int length = D.length();
    int bound = count - count % (2 * length);
    int i = 0;
    for (; i < bound; i += 2 * length) {
      DoubleVector a =
          (DoubleVector)
              FloatVector.fromMemorySegment(HALF, ALL, x + 4L * i, ORDER)
                  .convertShape(VectorOperators.F2D, D, 0);
      DoubleVector b =
          (DoubleVector)
              FloatVector.fromMemorySegment(HALF, ALL, x + 4L * (i + length), ORDER)
                  .convertShape(VectorOperators.F2D, D, 0);
      even = a.fma(a, even);
      odd = b.fma(b, odd);
    }
    even.intoMemorySegment(ALL, lanes, ORDER);
    odd.intoMemorySegment(ALL, lanes + 8L * length, ORDER);
    double sum = 0;
    for (int lane = 0; lane < 2 * length; lane++) {
      sum += ALL.get(JAVA_DOUBLE_UNALIGNED, lanes + 8L * lane);
    }
    for (; i < count; i++) {
      double value = Simd.get(x + 4L * i);
      sum += value * value;
    }
    return sum;
  }

  /**
   * One AdamW step. The caller computes what is the same for all elements.
   *
   * @param correction1 1/(1 − β₁ᵗ)
   * @param correction2 1/(1 − β₂ᵗ)
   */
  static void adamW(
      long w,
      long m,
      long v,
      long grad,
      int count,
      float gradScale,
      float lr,
      float beta1,
      float beta2,
      float eps,
      float decay,
      float correction1,
      float correction2) {
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector g = FloatVector.fromMemorySegment(F, ALL, grad + 4L * i, ORDER).mul(gradScale);
      FloatVector first =
          FloatVector.fromMemorySegment(F, ALL, m + 4L * i, ORDER).mul(beta1).add(g.mul(1 - beta1));
      FloatVector second =
          FloatVector.fromMemorySegment(F, ALL, v + 4L * i, ORDER)
              .mul(beta2)
              .add(g.mul(g).mul(1 - beta2));
      first.intoMemorySegment(ALL, m + 4L * i, ORDER);
      second.intoMemorySegment(ALL, v + 4L * i, ORDER);
      FloatVector weight = FloatVector.fromMemorySegment(F, ALL, w + 4L * i, ORDER);
      FloatVector update = first.mul(correction1).div(second.mul(correction2).sqrt().add(eps));
      weight.sub(update.add(weight.mul(decay)).mul(lr)).intoMemorySegment(ALL, w + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      float g = Simd.get(grad + 4L * i) * gradScale;
      float first = Simd.get(m + 4L * i) * beta1 + g * (1 - beta1);
      float second = Simd.get(v + 4L * i) * beta2 + g * g * (1 - beta2);
      Simd.set(m + 4L * i, first);
      Simd.set(v + 4L * i, second);
      float weight = Simd.get(w + 4L * i);
      float root = (float) Math.sqrt(second * correction2);
      float update = first * correction1 / (root + eps);
      Simd.set(w + 4L * i, weight - (update + weight * decay) * lr);
    }
  }
}
