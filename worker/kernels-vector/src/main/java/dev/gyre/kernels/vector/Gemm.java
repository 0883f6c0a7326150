package dev.gyre.kernels.vector;

/**
 * C (+)= A·B for the linear kernels: F32 or BF16 operands in either orientation, sums in F32.
 *
 * <p>Columns go in runs of {@value #COLUMNS}, whose panels of B (all of k) are packed once; rows in
 * runs of {@value #ROWS}; the inner size in runs of {@value #INNER}, so that a block of A (72·256
 * floats, 72 KB) and a panel (256·32 floats, 32 KB) stay in the second-level cache. Blocks of A are
 * copied as they lie, only widened and moved off the powers of two that would share cache sets.
 */
final class Gemm {
  private static final int ROWS = 72;
  private static final int COLUMNS = 256;
  private static final int INNER = 256;

  /** Floats between rows of copied blocks: one cache line beyond a power of two. */
  private static final int PAD = 16;

  private Gemm() {}

  /**
   * An operand or result.
   *
   * @param stride elements between its rows in memory
   */
  record Matrix(long address, boolean bf16, long stride) {
    long at(long row, long column) {
      return address + (row * stride + column) * (bf16 ? 2 : 4);
    }
  }

  /**
   * C = A·B or C += A·B with C [m][n].
   *
   * @param aTransposed A lies as [k][m] instead of [m][k]
   * @param bTransposed B lies as [n][k] instead of [k][n]
   */
  static void multiply(
      Scratch scratch,
      int m,
      int n,
      int k,
      Matrix a,
      boolean aTransposed,
      Matrix b,
      boolean bTransposed,
      Matrix c,
      boolean accumulate) {
    int columns = Panels.padded(Math.min(n, COLUMNS));
    long panelBytes = Scratch.bytes((long) columns * k);
    long blockBytes = Scratch.bytes((long) INNER * (ROWS + PAD));
    long resultBytes = Scratch.bytes((long) ROWS * (COLUMNS + PAD));
    long panels =
        scratch.reserve(
            panelBytes + blockBytes + resultBytes + Scratch.bytes(Math.max(k, COLUMNS)));
    long block = panels + panelBytes;
    long result = block + blockBytes;
    long row = result + resultBytes;
    for (int j = 0; j < n; j += COLUMNS) {
      int width = Math.min(COLUMNS, n - j);
      if (bTransposed) {
        Panels.packColumns(b.at(j, 0), b.bf16, b.stride, k, width, panels, row);
      } else {
        Panels.packRows(b.at(0, j), b.bf16, b.stride, k, width, panels, 0, k);
      }
      for (int i = 0; i < m; i += ROWS) {
        int height = Math.min(ROWS, m - i);
        block(i, height, width, k, a, aTransposed, block, panels, result);
        store(result, height, width, c.at(i, j), c, accumulate, row);
      }
    }
  }

  /** result [height][width] = rows [i, i + height) of A times the packed panels. */
  private static void block(
      int i,
      int height,
      int width,
      int k,
      Matrix a,
      boolean aTransposed,
      long block,
      long panels,
      long result) {
    long cRow = 4L * (COLUMNS + PAD);
    VectorMove.fill(result, roundedUp(height) * (COLUMNS + PAD), 0);
    for (int from = 0; from < k; from += INNER) {
      int depth = Math.min(INNER, k - from);
      if (aTransposed) {
        copy(a, from, i, depth, height, block, ROWS + PAD);
        Panels.multiply(
            height, width, depth, block, 4, 4L * (ROWS + PAD), panels, from, k, result, cRow);
      } else {
        copy(a, i, from, height, depth, block, INNER + PAD);
        Panels.multiply(
            height, width, depth, block, 4L * (INNER + PAD), 4, panels, from, k, result, cRow);
      }
    }
  }

  private static int roundedUp(int rows) {
    return (rows + MicroKernel.ROWS - 1) / MicroKernel.ROWS * MicroKernel.ROWS;
  }

  /** to [rows][columns] in F32 = the part of the matrix at (row, column). */
  private static void copy(
      Matrix x, long row, long column, int rows, int columns, long to, int toStride) {
    for (int r = 0; r < rows; r++) {
      long from = x.at(row + r, column);
      long at = to + 4L * r * toStride;
      if (x.bf16) {
        VectorMove.toF32(from, at, columns);
      } else {
        VectorMove.copy(from, at, columns);
      }
    }
  }

  private static void store(
      long result, int rows, int columns, long to, Matrix c, boolean accumulate, long row) {
    for (int r = 0; r < rows; r++) {
      long from = result + 4L * r * (COLUMNS + PAD);
      long at = to + r * c.stride * (c.bf16 ? 2 : 4);
      if (!c.bf16) {
        if (accumulate) {
          VectorMove.add(from, at, columns);
        } else {
          VectorMove.copy(from, at, columns);
        }
        continue;
      }
      if (accumulate) {
        VectorMove.toF32(at, row, columns);
        VectorMove.add(row, from, columns);
      }
      VectorMove.toBf16(from, at, columns);
    }
  }
}
