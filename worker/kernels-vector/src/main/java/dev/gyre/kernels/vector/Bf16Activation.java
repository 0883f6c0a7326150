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
 * {@link VectorRows#swiglu} and its gradient on BF16 rows in one pass, without widened copies. The
 * sigmoid is computed in F32 as there, with the less accurate exponential of {@link Exp}. Widening,
 * narrowing and exp are written out where they are used, because the JIT does not always inline
 * helpers that take or return vectors.
 */
final class Bf16Activation {
  private Bf16Activation() {}

  /** h = silu(gate)·up. Runs do not overlap. */
  static void swiglu(long gate, long up, long h, int count) {
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
      FloatVector x = g.mul(-1f);
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
      IntVector bits = g.div(e.add(1f)).mul(u).reinterpretAsInts();
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
      float g = Simd.getBf16(gate + 2L * i);
      Simd.setBf16(h + 2L * i, g / (exp(g * -1f) + 1f) * Simd.getBf16(up + 2L * i));
    }
  }

  /** {@link VectorRows#swigluBackward}. Runs do not overlap. */
  static void swigluBackward(long dh, long gate, long up, long dGate, long dUp, int count) {
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
      FloatVector d =
          ((IntVector)
                  ShortVector.fromMemorySegment(S, ALL, dh + 2L * i, ORDER)
                      .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0))
              .lanewise(VectorOperators.LSHL, 16)
              .reinterpretAsFloats();
      FloatVector x = g.mul(-1f);
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
      IntVector bits = ds.mul(g).reinterpretAsInts();
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
      IntVector gateBits = g.mul(e.mul(s)).add(1f).mul(ds.mul(u)).reinterpretAsInts();
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
      float g = Simd.getBf16(gate + 2L * i);
      float e = exp(g * -1f);
      float s = 1f / (e + 1f);
      float ds = Simd.getBf16(dh + 2L * i) * s;
      Simd.setBf16(dUp + 2L * i, ds * g);
      Simd.setBf16(dGate + 2L * i, (g * (e * s) + 1f) * (ds * Simd.getBf16(up + 2L * i)));
    }
  }

  /** One exp, with the same operations as the vector loops. */
  private static float exp(float x) {
    float clamped = x > Exp.HIGH ? Exp.HIGH : x < Exp.LOW ? Exp.LOW : x;
    float t = Math.fma(clamped, Exp.LOG2_E, Exp.ROUNDER);
    float r = Math.fma(t - Exp.ROUNDER, -Exp.LN2, clamped);
    float p = Math.fma(Math.fma(r, Exp.C5, Exp.C4), r, Exp.C3);
    p = Math.fma(Math.fma(Math.fma(p, r, Exp.C2), r, 1f), r, 1f);
    return p * Float.intBitsToFloat((Float.floatToRawIntBits(t) << 23) + Exp.ONE_BITS);
  }
}
