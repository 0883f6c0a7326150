package dev.gyre.kernels;

/** Conversions between float and bfloat16, the upper half of a float's bits. */
public final class BFloat16 {
  private BFloat16() {}

  /** Rounds to nearest, ties to even. Overflow gives infinity; a NaN stays a (quiet) NaN. */
  public static short fromFloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    if ((bits & 0x7fffffff) > 0x7f800000) {
      return (short) ((bits >>> 16) | 0x40); // rounding could carry a NaN into infinity
    }
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }

  /** Exact. */
  public static float toFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }
}
