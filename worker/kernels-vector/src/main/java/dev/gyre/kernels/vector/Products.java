package dev.gyre.kernels.vector;

/**
 * Products C = op(A)·op(B), or C += op(A)·op(B), of row-major matrices: op(A) is [m,k], op(B) is
 * [k,n], C is [m,n]; leading dimensions count elements. A transposed operand lies in memory as
 * [k,m] or [n,k]. Sums are F32 in a fixed order. Belongs to one thread at a time.
 */
public interface Products extends AutoCloseable {
  int TRANSPOSE_A = 1;
  int TRANSPOSE_B = 2;
  int ACCUMULATE = 4;

  /** A and B are BF16, not F32. */
  int BF16_IN = 8;

  /** C is BF16, not F32; only with {@link #BF16_IN}. */
  int BF16_OUT = 16;

  /** A hint: this very shape comes back many times, so that preparing for it pays. */
  int RECURRING = 64;

  static boolean has(int flags, int flag) {
    return (flags & flag) != 0;
  }

  /** One product; m, n and k may be 0, and a sum over nothing is 0. */
  void multiply(int flags, int m, int n, int k, long a, int lda, long b, int ldb, long c, int ldc);

  /** Frees memory of its own, where it has any. */
  @Override
  default void close() {}
}
