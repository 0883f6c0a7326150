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
 * {@link VectorClamp} on BF16 rows in one pass, without widened copies. Written out as {@link
 * Bf16Activation}, with its exponential.
 */
final class Bf16Clamp {
  private Bf16Clamp() {}

  /** y[i] = x[i] between −limit and limit. The runs may be the same. */
  static void clamp(long x, long y, int count, float limit) {
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector v =
          ((IntVector)
                  ShortVector.fromMemorySegment(S, ALL, x + 2L * i, ORDER)
                      .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0))
              .lanewise(VectorOperators.LSHL, 16)
              .reinterpretAsFloats();
      IntVector bits =
          v.blend(limit, v.compare(VectorOperators.GT, limit))
              .blend(-limit, v.compare(VectorOperators.LT, -limit))
              .reinterpretAsInts();
      IntVector high = bits.lanewise(VectorOperators.LSHR, 16);
      VectorMask<Integer> nan =
          bits.lanewise(VectorOperators.AND, 0x7fffffff).compare(VectorOperators.GT, 0x7f800000);
      high.lanewise(VectorOperators.AND, 1)
          .add(bits)
          .add(0x7fff)
          .lanewise(VectorOperators.LSHR, 16)
          .blend(high.lanewise(VectorOperators.OR, 0x40), nan)
          .convertShape(VectorOperators.I2S, S, 0)
          .intoMemorySegment(ALL, y + 2L * i, ORDER);
    }
    for (; i < count; i++) {
      Simd.setBf16(y + 2L * i, VectorClamp.clamped(Simd.getBf16(x + 2L * i), limit));
    }
  }

  /** h = (u + 1)·g·σ(alpha·g), as {@link VectorClamp#swiglu}. Runs do not overlap. */
  static void swiglu(long gate, long up, long h, int count, float alpha, float limit) {
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector g =
          ((IntVector)
                  ShortVector.fromMemorySegment(S, ALL, gate + 2L * i, ORDER)
                      .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0))
              .lanewise(VectorOperators.LSHL, 16)
              .reinterpretAsFloats();
      FloatVector u =
          ((IntVector)
                  ShortVector.fromMemorySegment(S, ALL, up + 2L * i, ORDER)
                      .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0))
              .lanewise(VectorOperators.LSHL, 16)
              .reinterpretAsFloats();
      g = g.blend(limit, g.compare(VectorOperators.GT, limit));
      u =
          u.blend(limit, u.compare(VectorOperators.GT, limit))
              .blend(-limit, u.compare(VectorOperators.LT, -limit));
      FloatVector x = g.mul(-alpha);
      x = x.blend(Exp.HIGH, x.compare(VectorOperators.GT, Exp.HIGH));
      x = x.blend(Exp.LOW, x.compare(VectorOperators.LT, Exp.LOW));
      FloatVector t =
          x.fma(FloatVector.broadcast(F, Exp.LOG2_E), FloatVector.broadcast(F, Exp.ROUNDER));
      FloatVector r = t.sub(Exp.ROUNDER).fma(FloatVector.broadcast(F, -Exp.LN2), x);
      FloatVector e =
          r.fma(FloatVector.broadcast(F, Exp.C5), FloatVector.broadcast(F, Exp.C4))
              .fma(r, FloatVector.broadcast(F, Exp.C3))
              .fma(r, FloatVector.broadcast(F, Exp.C2))
              .fma(r, FloatVector.broadcast(F, 1f))
              .fma(r, FloatVector.broadcast(F, 1f))
              .mul(
                  t.reinterpretAsInts()
                      .lanewise(VectorOperators.LSHL, 23)
                      .add(Exp.ONE_BITS)
                      .reinterpretAsFloats());
      IntVector bits = g.div(e.add(1f)).mul(u.add(1f)).reinterpretAsInts();
      IntVector high = bits.lanewise(VectorOperators.LSHR, 16);
      VectorMask<Integer> nan =
          bits.lanewise(VectorOperators.AND, 0x7fffffff).compare(VectorOperators.GT, 0x7f800000);
      high.lanewise(VectorOperators.AND, 1)
          .add(bits)
          .add(0x7fff)
          .lanewise(VectorOperators.LSHR, 16)
          .blend(high.lanewise(VectorOperators.OR, 0x40), nan)
          .convertShape(VectorOperators.I2S, S, 0)
          .intoMemorySegment(ALL, h + 2L * i, ORDER);
    }
    for (; i < count; i++) {
      float g = VectorClamp.below(Simd.getBf16(gate + 2L * i), limit);
      float u = VectorClamp.clamped(Simd.getBf16(up + 2L * i), limit);
      float e = Bf16Activation.exp(g * -alpha);
      Simd.setBf16(h + 2L * i, g / (e + 1f) * (u + 1f));
    }
  }

  /** {@link VectorClamp#swigluBackward}. Runs do not overlap. */
  static void swigluBackward(
      long dh, long gate, long up, long dGate, long dUp, int count, float alpha, float limit) {
    int bound = F.loopBound(count);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector gateIn =
          ((IntVector)
                  ShortVector.fromMemorySegment(S, ALL, gate + 2L * i, ORDER)
                      .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0))
              .lanewise(VectorOperators.LSHL, 16)
              .reinterpretAsFloats();
      FloatVector upIn =
          ((IntVector)
                  ShortVector.fromMemorySegment(S, ALL, up + 2L * i, ORDER)
                      .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0))
              .lanewise(VectorOperators.LSHL, 16)
              .reinterpretAsFloats();
      FloatVector d =
          ((IntVector)
                  ShortVector.fromMemorySegment(S, ALL, dh + 2L * i, ORDER)
                      .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0))
              .lanewise(VectorOperators.LSHL, 16)
              .reinterpretAsFloats();
      FloatVector g = gateIn.blend(limit, gateIn.compare(VectorOperators.GT, limit));
      FloatVector u =
          upIn.blend(limit, upIn.compare(VectorOperators.GT, limit))
              .blend(-limit, upIn.compare(VectorOperators.LT, -limit));
      FloatVector x = g.mul(-alpha);
      x = x.blend(Exp.HIGH, x.compare(VectorOperators.GT, Exp.HIGH));
      x = x.blend(Exp.LOW, x.compare(VectorOperators.LT, Exp.LOW));
      FloatVector t =
          x.fma(FloatVector.broadcast(F, Exp.LOG2_E), FloatVector.broadcast(F, Exp.ROUNDER));
      FloatVector r = t.sub(Exp.ROUNDER).fma(FloatVector.broadcast(F, -Exp.LN2), x);
      FloatVector e =
          r.fma(FloatVector.broadcast(F, Exp.C5), FloatVector.broadcast(F, Exp.C4))
              .fma(r, FloatVector.broadcast(F, Exp.C3))
              .fma(r, FloatVector.broadcast(F, Exp.C2))
              .fma(r, FloatVector.broadcast(F, 1f))
              .fma(r, FloatVector.broadcast(F, 1f))
              .mul(
                  t.reinterpretAsInts()
                      .lanewise(VectorOperators.LSHL, 23)
                      .add(Exp.ONE_BITS)
                      .reinterpretAsFloats());
      FloatVector s = FloatVector.broadcast(F, 1f).div(e.add(1f));
      FloatVector ds = d.mul(s);
      IntVector bits =
          FloatVector.zero(F)
              .blend(ds.mul(g), upIn.abs().compare(VectorOperators.LE, limit))
              .reinterpretAsInts();
      IntVector high = bits.lanewise(VectorOperators.LSHR, 16);
      VectorMask<Integer> nan =
          bits.lanewise(VectorOperators.AND, 0x7fffffff).compare(VectorOperators.GT, 0x7f800000);
      high.lanewise(VectorOperators.AND, 1)
          .add(bits)
          .add(0x7fff)
          .lanewise(VectorOperators.LSHR, 16)
          .blend(high.lanewise(VectorOperators.OR, 0x40), nan)
          .convertShape(VectorOperators.I2S, S, 0)
          .intoMemorySegment(ALL, dUp + 2L * i, ORDER);
      // 1 − s without cancellation is e·s
      FloatVector dg = g.mul(alpha).mul(e.mul(s)).add(1f).mul(ds.mul(u.add(1f)));
      IntVector gateBits =
          FloatVector.zero(F)
              .blend(dg, gateIn.compare(VectorOperators.LE, limit))
              .reinterpretAsInts();
      IntVector gateHigh = gateBits.lanewise(VectorOperators.LSHR, 16);
      VectorMask<Integer> gateNan =
          gateBits
              .lanewise(VectorOperators.AND, 0x7fffffff)
              .compare(VectorOperators.GT, 0x7f800000);
      gateHigh
          .lanewise(VectorOperators.AND, 1)
          .add(gateBits)
          .add(0x7fff)
          .lanewise(VectorOperators.LSHR, 16)
          .blend(gateHigh.lanewise(VectorOperators.OR, 0x40), gateNan)
          .convertShape(VectorOperators.I2S, S, 0)
          .intoMemorySegment(ALL, dGate + 2L * i, ORDER);
    }
    for (; i < count; i++) {
      float gateIn = Simd.getBf16(gate + 2L * i);
      float upIn = Simd.getBf16(up + 2L * i);
      float g = VectorClamp.below(gateIn, limit);
      float e = Bf16Activation.exp(g * -alpha);
      float s = 1f / (e + 1f);
      float ds = Simd.getBf16(dh + 2L * i) * s;
      Simd.setBf16(dUp + 2L * i, Math.abs(upIn) <= limit ? ds * g : 0f);
      float dg = (g * alpha * (e * s) + 1f) * (ds * (VectorClamp.clamped(upIn, limit) + 1f));
      Simd.setBf16(dGate + 2L * i, gateIn <= limit ? dg : 0f);
    }
  }
}
