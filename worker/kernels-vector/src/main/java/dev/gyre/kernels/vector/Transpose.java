package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Simd.F;
import static dev.gyre.kernels.vector.Simd.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * Transposes matrices in blocks of 16 × 16 with vectors of 16 lanes, in four stages. In the stage
 * of distance d, rows r (bit d clear) and r + d exchange their off-diagonal halves of every 2d
 * lanes. Two stages at a time stay in registers. This takes half the time of an element-wise
 * transpose, which is used for other vector lengths.
 */
final class Transpose {
  private static final int BLOCK = 16;
  private static final VectorShuffle<Float> ACROSS_1 = across(1);
  private static final VectorShuffle<Float> ACROSS_2 = across(2);
  private static final VectorShuffle<Float> ACROSS_4 = across(4);
  private static final VectorShuffle<Float> ACROSS_8 = across(8);
  private static final VectorMask<Float> UPPER_1 = upper(1);
  private static final VectorMask<Float> UPPER_2 = upper(2);
  private static final VectorMask<Float> UPPER_4 = upper(4);
  private static final VectorMask<Float> UPPER_8 = upper(8);

  private Transpose() {}

  /** Shuffle that exchanges lanes whose numbers differ in one bit. */
  private static VectorShuffle<Float> across(int bit) {
    return VectorShuffle.fromOp(F, lane -> (lane ^ bit) & (LANES - 1));
  }

  /** Mask of the lanes whose number has this bit. */
  private static VectorMask<Float> upper(int bit) {
    boolean[] lanes = new boolean[LANES];
    for (int lane = 0; lane < LANES; lane++) {
      lanes[lane] = (lane & bit) != 0;
    }
    return VectorMask.fromArray(F, lanes, 0);
  }

  /**
   * to[at + c·toStride + r] = x[r·stride + c].
   *
   * @param x undefined afterwards
   * @param rows a multiple of the lanes
   */
  static void transpose(
      float[] x, int stride, int rows, int columns, float[] to, int at, int toStride) {
    int whole = LANES == BLOCK ? columns & -BLOCK : 0;
    for (int c = 0; c < whole; c += BLOCK) {
      stages12(x, c, stride, rows);
      stages48(x, c, stride, rows, to, at + c * toStride, toStride);
    }
    for (int c = whole; c < columns; c++) {
      for (int r = 0; r < rows; r++) {
        to[at + c * toStride + r] = x[r * stride + c];
      }
    }
  }

  /** Distances 1 and 2, in place, for 16 columns from {@code first}. */
  private static void stages12(float[] x, int first, int stride, int rows) {
    for (int r = 0; r < rows; r += 4) {
      int r0 = r * stride + first;
      int r1 = r0 + stride;
      int r2 = r1 + stride;
      int r3 = r2 + stride;
      FloatVector a = FloatVector.fromArray(F, x, r0);
      FloatVector b = FloatVector.fromArray(F, x, r1);
      FloatVector c = FloatVector.fromArray(F, x, r2);
      FloatVector d = FloatVector.fromArray(F, x, r3);
      FloatVector ab = a.blend(b.rearrange(ACROSS_1), UPPER_1);
      FloatVector ba = a.rearrange(ACROSS_1).blend(b, UPPER_1);
      FloatVector cd = c.blend(d.rearrange(ACROSS_1), UPPER_1);
      FloatVector dc = c.rearrange(ACROSS_1).blend(d, UPPER_1);
      ab.blend(cd.rearrange(ACROSS_2), UPPER_2).intoArray(x, r0);
      ba.blend(dc.rearrange(ACROSS_2), UPPER_2).intoArray(x, r1);
      ab.rearrange(ACROSS_2).blend(cd, UPPER_2).intoArray(x, r2);
      ba.rearrange(ACROSS_2).blend(dc, UPPER_2).intoArray(x, r3);
    }
  }

  /** Distances 4 and 8, after which row r of a block is its former column r. */
  private static void stages48(
      float[] x, int first, int stride, int rows, float[] to, int at, int toStride) {
    for (int i = 0; i < rows / 4; i++) {
      int column = i & 3;
      int block = i * 4 - column * 4;
      int r0 = (block + column) * stride + first;
      int r1 = r0 + 4 * stride;
      int r2 = r1 + 4 * stride;
      int r3 = r2 + 4 * stride;
      FloatVector a = FloatVector.fromArray(F, x, r0);
      FloatVector b = FloatVector.fromArray(F, x, r1);
      FloatVector c = FloatVector.fromArray(F, x, r2);
      FloatVector d = FloatVector.fromArray(F, x, r3);
      FloatVector ab = a.blend(b.rearrange(ACROSS_4), UPPER_4);
      FloatVector ba = a.rearrange(ACROSS_4).blend(b, UPPER_4);
      FloatVector cd = c.blend(d.rearrange(ACROSS_4), UPPER_4);
      FloatVector dc = c.rearrange(ACROSS_4).blend(d, UPPER_4);
      int into = at + column * toStride + block;
      ab.blend(cd.rearrange(ACROSS_8), UPPER_8).intoArray(to, into);
      ba.blend(dc.rearrange(ACROSS_8), UPPER_8).intoArray(to, into + 4 * toStride);
      ab.rearrange(ACROSS_8).blend(cd, UPPER_8).intoArray(to, into + 8 * toStride);
      ba.rearrange(ACROSS_8).blend(dc, UPPER_8).intoArray(to, into + 12 * toStride);
    }
  }
}
