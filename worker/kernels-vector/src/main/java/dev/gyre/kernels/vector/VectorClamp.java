package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Simd.ALL;
import static dev.gyre.kernels.vector.Simd.F;
import static dev.gyre.kernels.vector.Simd.LANES;
import static dev.gyre.kernels.vector.Simd.ORDER;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Clamping of runs of F32, alone and inside SwiGLU. Arguments are host addresses and element
 * counts; nothing is checked. Comparisons leave NaN as it is, as min and max of the Vector API do,
 * but those also order the zeros, which costs more.
 */
final class VectorClamp {
  private VectorClamp() {}

  /** y[i] = x[i] between −limit and limit. The runs may be the same. */
  static void clamp(long x, long y, int count, float limit) {
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector v = FloatVector.fromMemorySegment(F, ALL, x + 4L * i, ORDER);
      v.blend(limit, v.compare(VectorOperators.GT, limit))
          .blend(-limit, v.compare(VectorOperators.LT, -limit))
          .intoMemorySegment(ALL, y + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      Simd.set(y + 4L * i, clamped(Simd.get(x + 4L * i), limit));
    }
  }

  /** dx[i] = dy[i] where |x[i]| ≤ limit, else 0. dx may be dy. */
  static void clampBackward(long dy, long x, long dx, int count, float limit) {
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector v = FloatVector.fromMemorySegment(F, ALL, x + 4L * i, ORDER);
      FloatVector.zero(F)
          .blend(
              FloatVector.fromMemorySegment(F, ALL, dy + 4L * i, ORDER),
              v.abs().compare(VectorOperators.LE, limit))
          .intoMemorySegment(ALL, dx + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      boolean inside = Math.abs(Simd.get(x + 4L * i)) <= limit;
      Simd.set(dx + 4L * i, inside ? Simd.get(dy + 4L * i) : 0f);
    }
  }

  /**
   * h = (u + 1)·g·σ(alpha·g) with g = min(gate, limit) and u = up between −limit and limit.
   *
   * @param scratch room for {@code count} floats and one vector
   */
  static void swiglu(
      long gate, long up, long h, int count, float alpha, float limit, long scratch) {
    exps(gate, count, alpha, limit, scratch);
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector g = FloatVector.fromMemorySegment(F, ALL, gate + 4L * i, ORDER);
      FloatVector u = FloatVector.fromMemorySegment(F, ALL, up + 4L * i, ORDER);
      g = g.blend(limit, g.compare(VectorOperators.GT, limit));
      u.blend(limit, u.compare(VectorOperators.GT, limit))
          .blend(-limit, u.compare(VectorOperators.LT, -limit))
          .add(1f)
          .mul(g.div(FloatVector.fromMemorySegment(F, ALL, scratch + 4L * i, ORDER).add(1f)))
          .intoMemorySegment(ALL, h + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      float g = below(Simd.get(gate + 4L * i), limit);
      float u = clamped(Simd.get(up + 4L * i), limit);
      Simd.set(h + 4L * i, (u + 1f) * (g / (Simd.get(scratch + 4L * i) + 1f)));
    }
  }

  /**
   * With g, u as in {@link #swiglu} and s = σ(alpha·g): dGate = dh·(u + 1)·s·(1 + alpha·g·(1 − s)),
   * 0 where gate > limit; dUp = dh·g·s, 0 where |up| > limit.
   *
   * @param scratch room for {@code count} floats and one vector
   */
  static void swigluBackward(
      long dh,
      long gate,
      long up,
      long dGate,
      long dUp,
      int count,
      float alpha,
      float limit,
      long scratch) {
    exps(gate, count, alpha, limit, scratch);
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector e = FloatVector.fromMemorySegment(F, ALL, scratch + 4L * i, ORDER);
      FloatVector s = FloatVector.broadcast(F, 1f).div(e.add(1f));
      FloatVector gateIn = FloatVector.fromMemorySegment(F, ALL, gate + 4L * i, ORDER);
      FloatVector upIn = FloatVector.fromMemorySegment(F, ALL, up + 4L * i, ORDER);
      FloatVector g = gateIn.blend(limit, gateIn.compare(VectorOperators.GT, limit));
      FloatVector u =
          upIn.blend(limit, upIn.compare(VectorOperators.GT, limit))
              .blend(-limit, upIn.compare(VectorOperators.LT, -limit));
      FloatVector ds = FloatVector.fromMemorySegment(F, ALL, dh + 4L * i, ORDER).mul(s);
      FloatVector.zero(F)
          .blend(ds.mul(g), upIn.abs().compare(VectorOperators.LE, limit))
          .intoMemorySegment(ALL, dUp + 4L * i, ORDER);
      // 1 − s without cancellation is e·s
      FloatVector dg = g.mul(alpha).mul(e.mul(s)).add(1f).mul(ds.mul(u.add(1f)));
      FloatVector.zero(F)
          .blend(dg, gateIn.compare(VectorOperators.LE, limit))
          .intoMemorySegment(ALL, dGate + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      float e = Simd.get(scratch + 4L * i);
      float s = 1f / (e + 1f);
      float gateIn = Simd.get(gate + 4L * i);
      float upIn = Simd.get(up + 4L * i);
      float g = below(gateIn, limit);
      float ds = Simd.get(dh + 4L * i) * s;
      Simd.set(dUp + 4L * i, Math.abs(upIn) <= limit ? ds * g : 0f);
      float dg = (g * alpha * (e * s) + 1f) * (ds * (clamped(upIn, limit) + 1f));
      Simd.set(dGate + 4L * i, gateIn <= limit ? dg : 0f);
    }
  }

  /** exp(−alpha·min(gate, limit)) in {@code scratch}. */
  private static void exps(long gate, int count, float alpha, float limit, long scratch) {
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector g = FloatVector.fromMemorySegment(F, ALL, gate + 4L * i, ORDER);
      g.blend(limit, g.compare(VectorOperators.GT, limit))
          .intoMemorySegment(ALL, scratch + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      Simd.set(scratch + 4L * i, below(Simd.get(gate + 4L * i), limit));
    }
    float _ = VectorRows.exp(scratch, scratch, count, -alpha, 0, scratch + 4L * count);
  }

  private static float clamped(float x, float limit) {
    return x > limit ? limit : x < -limit ? -limit : x;
  }

  private static float below(float x, float limit) {
    return x > limit ? limit : x;
  }
}
