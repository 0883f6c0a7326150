package dev.gyre.kernels.vector;

/**
 * Products C = op(A)·op(B), or C += op(A)·op(B), of row-major matrices: op(A) is [m,k], op(B) is
 * [k,n], C is [m,n]; leading dimensions count elements. A transposed operand is stored as [k,m] or
 * [n,k]. Sums are F32 in a fixed order. Belongs to one thread at a time.
 */
public interface Products extends AutoCloseable {
  int TRANSPOSE_A = 1;
  int TRANSPOSE_B = 2;
  int ACCUMULATE = 4;

  /** A and B are BF16, not F32. */
  int BF16_IN = 8;

  /** C is BF16, not F32; only with {@link #BF16_IN}. */
  int BF16_OUT = 16;

  /** A hint: this shape recurs often, so compiling a product for it is worthwhile. */
  int RECURRING = 64;

  /**
   * B is BF16 in pairs of rows, [k/2][ldb][2]: an even row's element below that of the next row in
   * 32 bits, as BF16 instructions read it. Only if {@link #pairs}, with m of any size, n a multiple
   * of 16, k of 32, A not transposed and C F32.
   */
  int PAIRED_B = 128;

  static boolean has(int flags, int flag) {
    return (flags & flag) != 0;
  }

  /** One product; m, n and k may be 0, and a sum over nothing is 0. */
  void multiply(int flags, int m, int n, int k, long a, int lda, long b, int ldb, long c, int ldc);

  /** Whether {@link #PAIRED_B} is supported and faster than rows. */
  default boolean pairs() {
    return false;
  }

  /** Frees memory that this object owns. */
  @Override
  default void close() {}
}
