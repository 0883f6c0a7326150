package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Simd.ALL;
import static dev.gyre.kernels.vector.Simd.F;
import static dev.gyre.kernels.vector.Simd.LANES;
import static dev.gyre.kernels.vector.Simd.ORDER;

import dev.gyre.kernels.AttentionTiles;
import jdk.incubator.vector.FloatVector;

/**
 * What blocked attention does between its matrix products, on F32 score blocks [rows][columns] with
 * {@code stride} floats from row to row, one row per query, one column per key. Arguments are host
 * addresses; nothing is checked. {@code lanes} is room for one vector (64 bytes are always enough).
 *
 * <p>A row's running state is its largest scaled score and its sum of exp(score − largest); both
 * start by {@link #start}. Source: Dao, FlashAttention-2, algorithms 1 and 2.
 */
final class VectorSoftmax {
  private VectorSoftmax() {}

  /** max = −∞, sum = 0 for each row. */
  static void start(long max, long sum, int rows) {
    VectorMove.fill(max, rows, Float.NEGATIVE_INFINITY);
    VectorMove.fill(sum, rows, 0);
  }

  /**
   * Whether the band leaves any pair of the block visible. Row r and column c are query i =
   * firstRow + r and key j = firstColumn + c of the tile.
   */
  static boolean anyVisible(
      long firstRow, int rows, long firstColumn, int columns, int minDelta, int maxDelta) {
    return firstRow + rows - 1 - firstColumn >= minDelta
        && firstRow - (firstColumn + columns - 1) <= maxDelta;
  }

  /** Whether the band leaves every pair of the block visible. */
  static boolean allVisible(
      long firstRow, int rows, long firstColumn, int columns, int minDelta, int maxDelta) {
    return firstRow - (firstColumn + columns - 1) >= minDelta
        && firstRow + rows - 1 - firstColumn <= maxDelta;
  }

  /**
   * Sets scores outside the band of {@link AttentionTiles} to −∞.
   *
   * @param firstRow query of row 0, counted inside the tile
   * @param firstColumn key of column 0, counted inside the tile
   */
  static void mask(
      long scores,
      int rows,
      int columns,
      int stride,
      long firstRow,
      long firstColumn,
      int minDelta,
      int maxDelta) {
    for (int r = 0; r < rows; r++) {
      long row = scores + 4L * r * stride;
      long diagonal = firstRow + r - firstColumn;
      int from = Math.clamp(diagonal - maxDelta, 0, columns);
      int to = Math.clamp(diagonal - minDelta + 1, 0, columns);
      VectorMove.fill(row, from, Float.NEGATIVE_INFINITY);
      VectorMove.fill(row + 4L * to, columns - to, Float.NEGATIVE_INFINITY);
    }
  }

  /**
   * Turns raw scores into p = exp(scale·score − max) in place, with max and sum brought up to date
   * by this block; {@code keep[r]} = exp(old max − new max) is what earlier sums and outputs of row
   * r must be multiplied by. A row without any visible score gets p = 0 and keeps its state.
   *
   * @param scale above 0
   * @param keep F32 [rows], written
   */
  static void update(
      long scores,
      int rows,
      int columns,
      int stride,
      float scale,
      long max,
      long sum,
      long keep,
      long lanes) {
    for (int r = 0; r < rows; r++) {
      long row = scores + 4L * r * stride;
      float before = Simd.get(max + 4L * r);
      float now = Math.max(before, VectorMove.max(row, columns) * scale);
      if (now == Float.NEGATIVE_INFINITY) {
        VectorMove.fill(row, columns, 0);
        Simd.set(keep + 4L * r, 1);
        continue;
      }
      float factor = VectorRows.exp(before - now);
      float added = VectorRows.exp(row, row, columns, scale, now, lanes);
      Simd.set(max + 4L * r, now);
      Simd.set(keep + 4L * r, factor);
      Simd.set(sum + 4L * r, Simd.get(sum + 4L * r) * factor + added);
    }
  }

  /** p = exp(scale·score − lse[r]) in place; 0 where lse[r] is −∞. {@code lseStride} in floats. */
  static void probabilities(
      long scores,
      int rows,
      int columns,
      int stride,
      float scale,
      long lse,
      int lseStride,
      long lanes) {
    for (int r = 0; r < rows; r++) {
      long row = scores + 4L * r * stride;
      float shift = Simd.get(lse + 4L * r * lseStride);
      if (shift == Float.NEGATIVE_INFINITY) {
        VectorMove.fill(row, columns, 0);
      } else {
        float _ = VectorRows.exp(row, row, columns, scale, shift, lanes);
      }
    }
  }

  /** dp = p·(dp − delta[r])·scale in place: the gradient of the raw scores. */
  static void scoreGradients(
      long p,
      long dp,
      int rows,
      int columns,
      int stride,
      float scale,
      long delta,
      int deltaStride) {
    for (int r = 0; r < rows; r++) {
      long at = 4L * r * stride;
      scoreGradientRow(p + at, dp + at, columns, scale, Simd.get(delta + 4L * r * deltaStride));
    }
  }

  private static void scoreGradientRow(long p, long dp, int columns, float scale, float delta) {
    int bound = F.loopBound(columns);
    int i = 0;
    for (; i < bound; i += LANES) {
      FloatVector.fromMemorySegment(F, ALL, dp + 4L * i, ORDER)
          .sub(delta)
          .mul(scale)
          .mul(FloatVector.fromMemorySegment(F, ALL, p + 4L * i, ORDER))
          .intoMemorySegment(ALL, dp + 4L * i, ORDER);
    }
    for (; i < columns; i++) {
      float d = (Simd.get(dp + 4L * i) - delta) * scale;
      Simd.set(dp + 4L * i, d * Simd.get(p + 4L * i));
    }
  }

  /**
   * Row r of the block, x[r] *= keep[r], for the outputs summed so far. {@code stride} in floats.
   */
  static void rescale(long x, int rows, int columns, int stride, long keep) {
    for (int r = 0; r < rows; r++) {
      float factor = Simd.get(keep + 4L * r);
      if (factor != 1) {
        long row = x + 4L * r * stride;
        VectorMove.scale(factor, row, row, columns);
      }
    }
  }

  /**
   * Merges a block's unnormalised output rows (Σ p·v beside max and sum) into the running (out,
   * lse). Rows that saw no key change nothing. All strides in floats.
   *
   * @param block overwritten
   */
  static void finish(
      long block,
      int rows,
      int size,
      int blockStride,
      long max,
      long sum,
      long out,
      long outStride,
      long lse,
      long lseStride) {
    for (int r = 0; r < rows; r++) {
      float total = Simd.get(sum + 4L * r);
      if (total == 0) {
        continue;
      }
      double partLse = Simd.get(max + 4L * r) + StrictMath.log(total);
      long lseAt = lse + 4L * r * lseStride;
      float before = Simd.get(lseAt);
      long row = block + 4L * r * blockStride;
      long to = out + 4L * r * outStride;
      if (before == Float.NEGATIVE_INFINITY) {
        VectorMove.scale(1 / total, row, to, size);
        Simd.set(lseAt, (float) partLse);
      } else {
        double after = logAddExp(before, partLse);
        VectorMove.scale((float) StrictMath.exp(before - after), to, to, size);
        float share = (float) (StrictMath.exp(partLse - after) / total);
        VectorMove.addScaled(share, row, to, size);
        Simd.set(lseAt, (float) after);
      }
    }
  }

  /** Merges one normalised row (outB, lseB) into the running row (out, lse). */
  static void merge(long outB, long lseB, long out, long lse, int size) {
    float b = Simd.get(lseB);
    if (b == Float.NEGATIVE_INFINITY) {
      return;
    }
    double after = logAddExp(Simd.get(lse), b);
    float keep = (float) StrictMath.exp(Simd.get(lse) - after);
    VectorMove.scale(keep, out, out, size);
    VectorMove.addScaled((float) StrictMath.exp(b - after), outB, out, size);
    Simd.set(lse, (float) after);
  }

  private static double logAddExp(double a, double b) {
    double max = Math.max(a, b);
    return max + StrictMath.log1p(StrictMath.exp(Math.min(a, b) - max));
  }
}
