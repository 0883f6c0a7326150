package dev.gyre.kernels.vector;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;

/**
 * The inputs of one attention call, and their blocks in the layouts the products need.
 *
 * @param scale folded into the query blocks, so that no later step meets it
 */
record AttentionCall(
    Tensor q, Tensor k, Tensor v, int[] kvHeadOf, AttentionTiles tiles, float scale) {
  /** Rows of a score block: whole groups of {@link MicroKernel#ROWS}. */
  static final int QUERIES = 72;

  /** Its columns: whole groups of rows too, for the transposed products, and whole panels. */
  static final int KEYS = 192;

  /** Floats between rows of blocks beyond their columns, off the powers of two. */
  static final int PAD = 16;

  /** Floats between rows of a score block. */
  static final int SCORE_STRIDE = KEYS + PAD;

  int size() {
    return Math.toIntExact(q.dim(2));
  }

  /** Floats between rows of blocks that are one head wide. */
  int rowStride() {
    return Panels.padded(size()) + PAD;
  }

  boolean bf16() {
    return q.dtype() == DType.BF16;
  }

  /** Elements from one token to the next. */
  long queryStride() {
    return q.dim(1) * q.dim(2);
  }

  long keyStride() {
    return k.dim(1) * k.dim(2);
  }

  /** Index of a head's first element. */
  long queryAt(long query, int head) {
    return query * queryStride() + (long) head * size();
  }

  long keyAt(long key, int kvHead) {
    return key * keyStride() + (long) kvHead * size();
  }

  boolean uses(int kvHead) {
    for (int head : kvHeadOf) {
      if (head == kvHead) {
        return true;
      }
    }
    return false;
  }

  /** block [rows][size] = rows of q or a tensor shaped like it, in F32, times {@code factor}. */
  void queryBlock(Tensor x, long query, int head, int rows, float factor, long block) {
    int size = size();
    for (int r = 0; r < rows; r++) {
      long to = block + 4L * r * rowStride();
      long from = Wide.read(x, queryAt(query + r, head), size, to);
      VectorMove.scale(factor, from, to, size);
    }
  }

  /** Panels of xᵀ [size][keys] for keys of k or v. */
  void transposedPanels(Tensor x, long key, int kvHead, int keys, long panels, long row) {
    Panels.packColumns(
        Wide.address(x, keyAt(key, kvHead)), bf16(), keyStride(), size(), keys, panels, row);
  }

  /** Panels of x [keys][size] for keys of k or v. */
  void panels(Tensor x, long key, int kvHead, int keys, long panels) {
    Panels.packRows(
        Wide.address(x, keyAt(key, kvHead)), bf16(), keyStride(), keys, size(), panels, 0, keys);
  }
}
