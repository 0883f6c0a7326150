package dev.gyre.kernels.onednn;

import dev.gyre.kernels.onednn.binding.Gemm;

/**
 * The products of attention blocks. Blocks whose sides are multiples of {@link BlockWalk#STRIP}
 * come back in every call and are few (16 pairs of sides), so they are compiled; the ragged rest is
 * not.
 */
final class BlockProducts {
  private final Gemm gemm;

  BlockProducts(Gemm gemm) {
    this.gemm = gemm;
  }

  /**
   * C = op(A)·op(B) or C += op(A)·op(B) for a block of queries × keys.
   *
   * @param flags of {@link Gemm}
   */
  void multiply(
      int queries,
      int keys,
      int flags,
      int m,
      int n,
      int k,
      long a,
      int lda,
      long b,
      int ldb,
      long c,
      int ldc) {
    if (queries % BlockWalk.STRIP == 0 && keys % BlockWalk.STRIP == 0) {
      gemm.fixed(flags, m, n, k, a, lda, b, ldb, c, ldc);
    } else {
      gemm.any(flags, m, n, k, a, lda, b, ldb, c, ldc);
    }
  }
}
