package dev.gyre.kernels.onednn;

import dev.gyre.kernels.onednn.binding.Gemm;
import dev.gyre.kernels.vector.LightningAttention;

/** The products of linear attention's tiles by oneDNN, in f32. */
final class GemmProducts implements LightningAttention.Products {
  private final Gemm gemm;

  GemmProducts(Gemm gemm) {
    this.gemm = gemm;
  }

  @Override
  public long scratchBytes(int columns, int inner) {
    return 0;
  }

  @Override
  public void add(
      boolean aTransposed,
      boolean bTransposed,
      int m,
      int n,
      int k,
      long a,
      int lda,
      long b,
      int ldb,
      long c,
      int ldc,
      long scratch) {
    int flags =
        Gemm.ACCUMULATE
            | (aTransposed ? Gemm.TRANSPOSE_A : 0)
            | (bTransposed ? Gemm.TRANSPOSE_B : 0);
    gemm.any(flags, m, n, k, a, lda, b, ldb, c, ldc);
  }
}
