package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Simd.LANES;

/**
 * The layout in which {@link MicroKernel} reads the right-hand matrix B [k][columns]: panels of two
 * vectors of columns, each panel [k][2·LANES], and a last one of one vector where that is enough;
 * columns beyond the matrix are 0. And the product over such panels.
 */
final class Panels {
  static final int WIDTH = 2 * LANES;

  private Panels() {}

  /** Columns rounded up to whole vectors: floats per k that the panels of B take. */
  static int padded(int columns) {
    return (columns + LANES - 1) / LANES * LANES;
  }

  /**
   * Packs B whose rows are contiguous, B[n][j] at {@code b + (n·stride + j)} elements, rows [0, k),
   * all columns, as rows [at, at + k) of panels that have {@code total} rows.
   */
  static void packRows(
      long b, boolean bf16, long stride, int k, int columns, long panels, int at, int total) {
    int bytes = bf16 ? 2 : 4;
    for (int j = 0; j < columns; j += WIDTH) {
      int used = Math.min(WIDTH, columns - j);
      int width = used > LANES ? WIDTH : LANES;
      long panel = panels + 4L * ((long) j * total + (long) at * width);
      for (int n = 0; n < k; n++) {
        long from = b + (n * stride + j) * bytes;
        long to = panel + 4L * n * width;
        if (bf16) {
          VectorMove.toF32(from, to, used);
        } else {
          VectorMove.copy(from, to, used);
        }
        if (used < width) {
          VectorMove.fill(to + 4L * used, width - used, 0);
        }
      }
    }
  }

  /**
   * Packs B whose columns are contiguous, B[n][j] at {@code b + (j·stride + n)} elements.
   *
   * @param row room for k floats, used for BF16
   */
  static void packColumns(
      long b, boolean bf16, long stride, int k, int columns, long panels, long row) {
    int bytes = bf16 ? 2 : 4;
    for (int j = 0; j < padded(columns); j++) {
      int start = j - j % WIDTH;
      int width = columns - start > LANES ? WIDTH : LANES;
      long to = panels + 4L * ((long) start * k + (j - start));
      if (j >= columns) {
        zeroColumn(to, k, width);
      } else if (bf16) {
        VectorMove.toF32(b + j * stride * bytes, row, k);
        spread(row, to, k, width);
      } else {
        spread(b + j * stride * bytes, to, k, width);
      }
    }
  }

  private static void spread(long from, long to, int k, int width) {
    for (int n = 0; n < k; n++) {
      Simd.set(to + 4L * n * width, Simd.get(from + 4L * n));
    }
  }

  private static void zeroColumn(long to, int k, int width) {
    for (int n = 0; n < k; n++) {
      Simd.set(to + 4L * n * width, 0);
    }
  }

  /**
   * C += A·B for rows rounded up to whole {@link MicroKernel#ROWS} and columns to whole vectors; A
   * and C have room for them.
   *
   * @param k inner size; A[i][n] at {@code a + i·aRow + n·aStep} bytes
   * @param panels panels of {@code total} rows, of which the product takes [from, from + k)
   * @param c C[i][j] at {@code c + i·cRow + 4·j} bytes
   */
  static void multiply(
      int rows,
      int columns,
      int k,
      long a,
      long aRow,
      long aStep,
      long panels,
      int from,
      int total,
      long c,
      long cRow) {
    for (int j = 0; j < columns; j += WIDTH) {
      boolean two = columns - j > LANES;
      long panel = panels + 4L * ((long) j * total + (long) from * (two ? WIDTH : LANES));
      for (int i = 0; i < rows; i += MicroKernel.ROWS) {
        if (two) {
          MicroKernel.twoVectors(k, a + i * aRow, aRow, aStep, panel, c + i * cRow + 4L * j, cRow);
        } else {
          MicroKernel.oneVector(k, a + i * aRow, aRow, aStep, panel, c + i * cRow + 4L * j, cRow);
        }
      }
    }
  }
}
