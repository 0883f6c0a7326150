package dev.gyre.model.parameters;

import dev.gyre.partitioning.model.Initialiser;
import dev.gyre.partitioning.model.TensorBox;
import dev.gyre.partitioning.model.TensorSpec;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Initial weights as a pure function of (seed, tensor name, element index), so that any rank can
 * compute any box by itself.
 *
 * <p>The stream of a tensor is SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014) started at {@code mix(seed) ^ fnv1a64("init/" + name)}: element i takes the
 * generator's output i, {@code mix(start + (i+1)·0x9E3779B97F4A7C15)}. Its upper 52 bits, centred,
 * give u in (0, 1); the value is Φ⁻¹(u) by Wichura's AS241 PPND7 (1988; relative error about 1e-7)
 * times the standard deviation, rounded to f32. Only +, −, ×, ÷, √ and {@link StrictMath#log} are
 * used, so every machine computes the same bits.
 */
public final class InitialWeights {
  private static final long GAMMA = 0x9E3779B97F4A7C15L;

  private InitialWeights() {}

  /**
   * Writes the elements of a box of a tensor.
   *
   * @param to F32 in the box's row-major order, at least 4 bytes for each element
   * @throws IndexOutOfBoundsException if the box is not inside the tensor
   */
  public static void fill(TensorSpec spec, long seed, TensorBox box, MemorySegment to) {
    switch (spec.initialiser()) {
      case Initialiser.Ones() ->
          box.forEachRun(spec.shape(), (_, count, at) -> fill(to, at, count, 1f));
      case Initialiser.Zeros() ->
          box.forEachRun(spec.shape(), (_, count, at) -> fill(to, at, count, 0f));
      case Initialiser.Normal(double std) -> {
        long start = mix(seed) ^ fnv1a("init/" + spec.name());
        box.forEachRun(spec.shape(), (from, count, at) -> normals(start, std, from, count, to, at));
      }
    }
  }

  private static void fill(MemorySegment to, long at, long count, float value) {
    for (long i = 0; i < count; i++) {
      to.setAtIndex(ValueLayout.JAVA_FLOAT, at + i, value);
    }
  }

  private static void normals(
      long start, double std, long from, long count, MemorySegment to, long at) {
    for (long i = 0; i < count; i++) {
      to.setAtIndex(ValueLayout.JAVA_FLOAT, at + i, (float) (std * normal(start, from + i)));
    }
  }

  private static double normal(long start, long index) {
    long bits = mix(start + (index + 1) * GAMMA);
    return inverseNormal(((bits >>> 12) + 0.5) * 0x1p-52);
  }

  /** SplitMix64's finaliser. */
  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  private static long fnv1a(String text) {
    long hash = 0xCBF29CE484222325L;
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * 0x100000001B3L;
    }
    return hash;
  }

  /** Φ⁻¹(p) for p in (0, 1). Source: Wichura, algorithm AS241, PPND7. */
  static double inverseNormal(double p) {
    double q = p - 0.5;
    if (Math.abs(q) <= 0.425) {
      double r = 0.180625 - q * q;
      return q
          * (((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179)
          / (((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1);
    }
    double r = Math.sqrt(-StrictMath.log(q < 0 ? p : 1 - p));
    double x;
    if (r <= 5) {
      r -= 1.6;
      x =
          (((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777)
              / ((0.12021132975 * r + 0.73700164250) * r + 1);
    } else {
      r -= 5;
      x =
          (((0.017337203997 * r + 0.42868294337) * r + 3.0812263860) * r + 6.6579051150)
              / ((0.012258202635 * r + 0.24197894225) * r + 1);
    }
    return q < 0 ? -x : x;
  }
}
