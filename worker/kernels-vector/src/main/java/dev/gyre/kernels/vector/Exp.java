package dev.gyre.kernels.vector;

/**
 * The constants of the exponentials that vector loops evaluate. All write x as n·ln 2 + r, or n + r
 * for a power of two, and compute 2ⁿ by an integer shift and the rest by a minimax polynomial in r:
 * multiply-adds and integer operations only, so that every compiler of the JVM gives the same bits.
 * Loops write the steps out, because the JIT does not always inline helpers that take or return
 * vectors.
 *
 * <p>There are three, with the accuracy that their results need:
 *
 * <ul>
 *   <li>{@link VectorRows#exp}, relative error 2e-7 (F32 rounding is 6e-8): softmax of the loss and
 *       of the router, and F32 activations, whose results and sums stay F32. Degree 6, and ln 2 in
 *       two parts, so that r is exact for arguments up to 88.
 *   <li>{@link ScoreLanes}, relative error 2e-7: attention probabilities. A power of two: log₂ e is
 *       part of the factor that scales the scores, which saves the subtraction of ln 2 and one
 *       multiplication per score. Degree 5 is enough for |r| ≤ ½ with a fitted linear term.
 *   <li>{@link Bf16Activation}, relative error 8e-6: the result is rounded to BF16, an error of up
 *       to 500 times that. The first polynomial without its last term, and ln 2 in one part.
 * </ul>
 */
final class Exp {
  static final float LOG2_E = 1.442695f;

  /** 1.5·2²³: adding it leaves the nearest integer in the low bits of the mantissa. */
  static final float ROUNDER = 12582912f;

  /** The bits of 1: an exponent shifted into place and added to them is a power of two. */
  static final int ONE_BITS = 0x3f800000;

  /** ln 2 in two parts: the product of the first with any exponent is exact. */
  static final float LN2_HIGH = 355f / 512;

  static final float LN2_LOW = -2.1219444e-4f;

  /** ln 2 in one part. */
  static final float LN2 = 0.6931472f;

  /** eʳ ≈ 1 + r + C2·r² + …, relative error 3e-9 for |r| ≤ ln 2/2; without C6, 8e-6. */
  static final float C2 = 0x1.fffffcp-2f;

  static final float C3 = 0x1.555492p-3f;
  static final float C4 = 0x1.5558f2p-5f;
  static final float C5 = 0x1.1239d4p-7f;
  static final float C6 = 0x1.6a2468p-10f;

  /** Below, exp gives 0: its result would not be a normal float. */
  static final float LOW = -87.3f;

  /** Above, exp saturates at about 2.2e38. */
  static final float HIGH = 88.3f;

  /** 2ʳ ≈ 1 + P1·r + P2·r² + …, relative error 2e-7 in F32 for |r| ≤ ½. */
  static final float P1 = 0.693147f;

  static final float P2 = 0.24022242f;
  static final float P3 = 0.055507336f;
  static final float P4 = 0.009671513f;
  static final float P5 = 0.0013264727f;

  private Exp() {}
}
