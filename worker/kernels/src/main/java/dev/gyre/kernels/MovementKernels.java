package dev.gyre.kernels;

/**
 * Filling, copying, adding and indexing rows and columns. The legend of shapes and the common rules
 * are in {@link Kernels}.
 */
public interface MovementKernels {
  /** x = value. Any float dtype. */
  void fill(Tensor x, float value);

  /** to = from, converting dtype (round to nearest even). Same number of elements. */
  void copy(Tensor from, Tensor to);

  /** into += x. Each BF16 or F32. */
  void add(Tensor x, Tensor into);

  /** x *= factor. F32. */
  void scale(Tensor x, float factor);

  /**
   * out[i] = table[indices[i]]; an index of −1 gives a zero row. table [R,W], out [M,W], any one
   * dtype.
   */
  void gatherRows(Tensor table, Tensor indices, Tensor out);

  /**
   * table[indices[i]] += rows[i], for i ascending; −1 skips. rows compute [M,W], table F32 [R,W].
   */
  void scatterAddRows(Tensor rows, Tensor indices, Tensor table);

  /**
   * to[r, toColumn + j] = from[r, fromColumn + j] for j below columns in every row r, converting
   * dtype (round to nearest even). from and to each BF16 or F32, with equal numbers of rows; the
   * other columns of {@code to} stay.
   *
   * @param accumulate adds to what {@code to} holds
   */
  void copyColumns(
      Tensor from, long fromColumn, Tensor to, long toColumn, long columns, boolean accumulate);
}
