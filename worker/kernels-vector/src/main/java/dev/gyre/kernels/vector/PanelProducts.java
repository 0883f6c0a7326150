package dev.gyre.kernels.vector;

/** The products of linear attention's tiles over packed panels. */
final class PanelProducts implements LightningAttention.Products {
  @Override
  public long scratchBytes(int columns, int inner) {
    return Scratch.bytes((long) Panels.padded(columns) * inner);
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
    if (bTransposed) {
      Panels.packColumns(b, false, ldb, k, n, scratch, scratch);
    } else {
      Panels.packRows(b, false, ldb, k, n, scratch, 0, k);
    }
    long aRow = aTransposed ? 4 : 4L * lda;
    long aStep = aTransposed ? 4L * lda : 4;
    Panels.multiply(m, n, k, a, aRow, aStep, scratch, 0, k, c, 4L * ldc);
  }
}
