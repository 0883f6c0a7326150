package dev.gyre.kernels.vector;

import java.util.Arrays;

/**
 * C = op(A)·op(B) or C += op(A)·op(B) of row-major matrices, F32 or BF16, sums in F32; flags are
 * those of {@link Products}. One thread at a time. Its arrays grow to the largest size needed and
 * are kept.
 *
 * <p>Columns are processed in runs of {@value #COLUMNS}, whose panels of B (all of k) are packed
 * once; rows in runs of {@value #ROWS}; the inner size in runs of {@value #INNER}. So a block of A
 * (at most 256·112 floats, 112 KB) and the tiles of a result (96·512 floats, 192 KB) stay in the
 * second-level cache and one panel (256·32 floats, 32 KB) is read once for all tiles of a column.
 * Blocks of A are copied in their own order, widened to F32, with row strides that are no power of
 * two so that rows do not share cache sets.
 *
 * <p>Every element of C is one sum over ascending k, split at multiples of {@value #INNER}, and
 * added to C at multiples of {@value #DEPTH}, because panels for all of a long k would fill the
 * heap. So its bits depend neither on the other rows and columns nor on how a caller splits m and
 * n.
 */
final class Gemm implements Products {
  private static final int ROWS = 96;
  private static final int COLUMNS = 512;
  private static final int INNER = 256;
  private static final int DEPTH = 32 * INNER;

  // Flags for one run of k, in addition to those of Products.
  private static final int FIRST = 1 << 16;
  private static final int LAST = 1 << 17;

  private final float[] block =
      new float[Math.max(INNER * MicroKernel.COLUMN, ROWS * MicroKernel.ROW)];
  private final float[] tiles = new float[ROWS * COLUMNS];
  private final float[] square = new float[Panels.SQUARE];
  private float[] panels = {};

  /** Buffer for a row of BF16 results. */
  private final Scratch scratch = new Scratch();

  /** Heap floats of the packed panels. */
  int panelFloats() {
    return panels.length;
  }

  @Override
  public void multiply(
      int flags, int m, int n, int k, long a, int lda, long b, int ldb, long c, int ldc) {
    if (m == 0 || n == 0) {
      return;
    }
    boolean bf16 = Products.has(flags, BF16_IN);
    long aBytes = bf16 ? 2 : 4;
    if (k > DEPTH && !Products.has(flags, BF16_OUT)) {
      for (int from = 0; from < k; from += DEPTH) {
        long aFrom = Products.has(flags, TRANSPOSE_A) ? (long) from * lda : from;
        long bFrom = Products.has(flags, TRANSPOSE_B) ? from : (long) from * ldb;
        int here = from == 0 ? flags : flags | ACCUMULATE;
        int depth = Math.min(DEPTH, k - from);
        multiply(here, m, n, depth, a + aFrom * aBytes, lda, b + bFrom * aBytes, ldb, c, ldc);
      }
      return;
    }
    long cBytes = Products.has(flags, BF16_OUT) ? 2 : 4;
    boolean columnsOfA = Products.has(flags, TRANSPOSE_A);
    boolean columnsOfB = Products.has(flags, TRANSPOSE_B);
    for (int j = 0; j < n; j += COLUMNS) {
      int width = Math.min(COLUMNS, n - j);
      pack(
          b + (columnsOfB ? (long) j * ldb : j) * aBytes, bf16, ldb * aBytes, columnsOfB, k, width);
      for (int i = 0; i < m; i += ROWS) {
        int height = Math.min(ROWS, m - i);
        long rows = a + (columnsOfA ? i : (long) i * lda) * aBytes;
        long to = c + ((long) i * ldc + j) * cBytes;
        for (int from = 0; from < k || from == 0; from += INNER) {
          int depth = Math.min(INNER, k - from);
          long at = rows + (columnsOfA ? (long) from * lda : from) * aBytes;
          copy(at, bf16, lda * aBytes, columnsOfA, height, depth);
          int first = from == 0 ? FIRST : 0;
          int last = from + depth == k ? LAST : 0;
          multiplyBlock(flags | first | last, height, width, depth, from, to, ldc * cBytes);
        }
      }
    }
  }

  /** Packs columns of B for all of k: a run of panels for each run of the inner size. */
  private void pack(long b, boolean bf16, long stride, boolean columns, int k, int width) {
    int padded = Panels.padded(width);
    int floats = Math.multiplyExact(k, padded);
    if (panels.length < floats) {
      panels = new float[floats + floats / 4];
    }
    for (int from = 0; from < k; from += INNER) {
      int depth = Math.min(INNER, k - from);
      if (columns) {
        long at = b + (long) from * (bf16 ? 2 : 4);
        Panels.packColumns(at, bf16, stride, depth, width, panels, from * padded, square);
      } else {
        Panels.packRows(b + from * stride, bf16, stride, depth, width, panels, from * padded);
      }
    }
  }

  /** block = a block of A, in rows, or in columns where A is transposed. */
  private void copy(
      long from, boolean bf16, long stride, boolean transposed, int height, int depth) {
    int rows = transposed ? depth : height;
    int columns = transposed ? height : depth;
    int to = transposed ? MicroKernel.COLUMN : MicroKernel.ROW;
    for (int r = 0; r < rows; r++) {
      Panels.load(from + r * stride, bf16, columns, block, r * to);
    }
  }

  /**
   * The first run of k clears the tiles, the last adds them to C. With a single run all tiles share
   * one buffer, which stays in the first-level cache.
   */
  private void multiplyBlock(
      int flags, int height, int width, int depth, int from, long c, long stride) {
    boolean transposed = Products.has(flags, TRANSPOSE_A);
    boolean first = Products.has(flags, FIRST);
    boolean last = Products.has(flags, LAST);
    long cBytes = Products.has(flags, BF16_OUT) ? 2 : 4;
    for (int j = 0; j < width; j += Panels.WIDTH) {
      int tileWidth = Panels.width(j, width);
      int rows = MicroKernel.rows(tileWidth);
      int panel = from * Panels.padded(width) + j * depth;
      for (int i = 0; i < height; i += rows) {
        int tile = first && last ? 0 : j * ROWS + i * tileWidth;
        if (first) {
          Arrays.fill(tiles, tile, tile + rows * tileWidth, 0f);
        }
        multiplyTile(transposed, depth, i, tileWidth, panel, tile);
        if (last) {
          int used = Math.min(tileWidth, width - j);
          int count = Math.min(rows, height - i);
          store(flags, tile, tileWidth, count, used, c + i * stride + j * cBytes, stride);
        }
      }
    }
  }

  private void multiplyTile(
      boolean transposed, int depth, int row, int tileWidth, int panel, int tile) {
    boolean two = tileWidth > Simd.LANES;
    if (transposed && two) {
      MicroKernel.columnsTwoVectors(depth, block, row, panels, panel, tiles, tile);
    } else if (transposed) {
      MicroKernel.columnsOneVector(depth, block, row, panels, panel, tiles, tile);
    } else if (two) {
      MicroKernel.rowsTwoVectors(depth, block, row * MicroKernel.ROW, panels, panel, tiles, tile);
    } else {
      MicroKernel.rowsOneVector(depth, block, row * MicroKernel.ROW, panels, panel, tiles, tile);
    }
  }

  /** Stores the first rows and columns of a tile in C; the rest is padding. */
  private void store(
      int flags, int tile, int tileWidth, int rows, int columns, long c, long stride) {
    boolean bf16 = Products.has(flags, BF16_OUT);
    boolean accumulate = Products.has(flags, ACCUMULATE);
    long line = bf16 ? scratch.reserve(Scratch.bytes(2L * Panels.WIDTH)) : 0;
    for (int r = 0; r < rows; r++) {
      int from = tile + r * tileWidth;
      long to = c + r * stride;
      if (bf16) {
        storeBf16(from, columns, to, accumulate, line);
      } else if (accumulate) {
        Panels.add(tiles, from, columns, to);
      } else {
        Panels.store(tiles, from, columns, to);
      }
    }
  }

  private void storeBf16(int from, int count, long to, boolean accumulate, long line) {
    if (accumulate) {
      VectorMove.toF32(to, line, count);
      Panels.add(tiles, from, count, line);
    } else {
      Panels.store(tiles, from, count, line);
    }
    VectorMove.toBf16(line, to, count);
  }

  @Override
  public void close() {
    scratch.close();
  }
}
