package dev.gyre.kernels.onednn;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.onednn.binding.DnnlGemm;
import dev.gyre.kernels.onednn.binding.MicroKernels;
import dev.gyre.kernels.onednn.binding.OneDnn;
import dev.gyre.kernels.vector.Products;
import dev.gyre.kernels.vector.Scratch;
import dev.gyre.kernels.vector.VectorMove;
import org.jspecify.annotations.Nullable;

/**
 * Products by {@link DnnlGemm}. Results in f32 take any row count at full speed. Results in BF16
 * need a compiled product per row count, so rows are cut into powers of two from {@link
 * #LEAST_ROWS} to {@link #MOST_ROWS} (eight products per weight shape, however the experts' row
 * counts change), and the few rows left go through f32 scratch. Small products whose right-hand
 * side is stored in pairs of rows, those of attention, are computed by {@link MicroKernels}.
 */
final class OneDnnProducts implements Products {
  private static final int LEAST_ROWS = 32;
  private static final int MOST_ROWS = 4096;

  /**
   * Packing reads and writes B once, as much work as a few tens of rows of the product. From this
   * many rows on, its cost is negligible.
   */
  private static final int LEAST_ROWS_TO_PACK = 512;

  private final OneDnn library;
  private final DnnlGemm gemm;
  private final @Nullable MicroKernels microKernels;
  private final Scratch scratch = new Scratch();
  private final boolean packs;

  /**
   * @param library closed with this
   * @param packs whether BF16 weights are packed, in each call with many rows: with tile
   *     instructions that doubles the rate. With AVX512-BF16 (Zen 4) it gains 1 to 5 % on 1,024 to
   *     4,096 rows and loses 2 to 8 % on 512, so caching packed copies between steps would save
   *     only the packing itself
   * @param microKernels of the library, closed with this; null if it has no usable ones
   */
  OneDnnProducts(OneDnn library, boolean packs, @Nullable MicroKernels microKernels) {
    this.library = library;
    this.microKernels = microKernels;
    this.gemm = new DnnlGemm(library);
    this.packs = packs;
  }

  /**
   * Opens a separate oneDNN for one kernel thread. It never enters a parallel region, so OpenMP
   * starts no threads and does not spin.
   *
   * @throws OneDnnException if the library does not load
   */
  static OneDnnProducts open() {
    OneDnn library = OneDnn.open();
    MicroKernels microKernels =
        MicroKernels.open(library) instanceof MicroKernels.Opened.Working(MicroKernels working)
            ? working
            : null;
    return new OneDnnProducts(library, CpuFeatures.detect(library).tiles(), microKernels);
  }

  /** Products compiled so far. */
  long compiled() {
    return gemm.compiled();
  }

  @Override
  public void multiply(
      int flags, int m, int n, int k, long a, int lda, long b, int ldb, long c, int ldc) {
    if (Products.has(flags, PAIRED_B)) {
      paired(flags, m, n, k, a, lda, b, ldb, c, ldc);
    } else if (k == 0) {
      overNothing(flags, m, n, c, ldc);
    } else if (Products.has(flags, RECURRING) && paysToCompile(flags)) {
      gemm.fixed(flags & ~RECURRING, m, n, k, a, lda, b, ldb, c, ldc);
    } else if (Products.has(flags, TRANSPOSE_A)) {
      gemm.any(flags & ~RECURRING, m, n, k, a, lda, b, ldb, c, ldc);
    } else {
      rows(flags, m, n, k, a, lda, b, ldb, c, ldc);
    }
  }

  private void paired(
      int flags, int m, int n, int k, long a, int lda, long b, int ldb, long c, int ldc) {
    boolean accumulate = Products.has(flags, ACCUMULATE);
    if (microKernels == null
        || !microKernels.multiply(accumulate, m, n, k, a, lda, b, ldb, c, ldc)) {
      throw new IllegalStateException(
          "oneDNN has no micro-kernel for a product %dx%dx%d (lda %d, ldb %d, ldc %d)"
              .formatted(m, n, k, lda, ldb, ldc));
    }
  }

  @Override
  public boolean pairs() {
    return microKernels != null;
  }

  /**
   * False for F32 with a transposed A: a compiled product copies A first, and is 7 % slower than
   * the gemm.
   */
  private static boolean paysToCompile(int flags) {
    return Products.has(flags, BF16_IN) || !Products.has(flags, TRANSPOSE_A);
  }

  /** A product whose m is a count of tokens. */
  private void rows(
      int flags, int m, int n, int k, long a, int lda, long b, int ldb, long c, int ldc) {
    boolean pack = packs && Products.has(flags, BF16_IN);
    int least = leastCompiled(flags, pack);
    int done = 0;
    while (m - done >= least) {
      int count = Math.min(MOST_ROWS, Integer.highestOneBit(m - done));
      int flagsHere = pack && count >= LEAST_ROWS_TO_PACK ? flags | DnnlGemm.PACK_B : flags;
      long aHere = at(a, done, lda, BF16_IN, flags);
      gemm.fixed(
          flagsHere, count, n, k, aHere, lda, b, ldb, at(c, done, ldc, BF16_OUT, flags), ldc);
      done += count;
    }
    if (done == m) {
      return;
    }
    int count = m - done;
    long aHere = at(a, done, lda, BF16_IN, flags);
    long cHere = at(c, done, ldc, BF16_OUT, flags);
    if (!Products.has(flags, BF16_OUT)) {
      gemm.any(flags, count, n, k, aHere, lda, b, ldb, cHere, ldc);
      return;
    }
    long f32 = scratch.reserve((long) count * n * Float.BYTES);
    gemm.any(flags & ~BF16_OUT, count, n, k, aHere, lda, b, ldb, f32, n);
    for (int r = 0; r < count; r++) {
      VectorMove.toBf16(f32 + (long) r * n * Float.BYTES, at(c, done + r, ldc, BF16_OUT, flags), n);
    }
  }

  /** Address of a row; {@code bf16} is the flag that makes its elements BF16. */
  private static long at(long base, int row, int stride, int bf16, int flags) {
    return base
        + (long) row * stride * (Products.has(flags, bf16) ? DType.BF16 : DType.F32).bytes();
  }

  /** Fewest rows that get a compiled product; fewer go through the gemm that takes any shape. */
  private int leastCompiled(int flags, boolean pack) {
    if (!Products.has(flags, BF16_OUT)) {
      return pack ? LEAST_ROWS_TO_PACK : Integer.MAX_VALUE;
    }
    boolean throughF32 = !Products.has(flags, ACCUMULATE) && gemm.takesAnyShape(flags & ~BF16_OUT);
    return throughF32 ? LEAST_ROWS : 1;
  }

  private static void overNothing(int flags, int m, int n, long c, int ldc) {
    if (Products.has(flags, ACCUMULATE)) {
      return;
    }
    for (int r = 0; r < m; r++) {
      long row = at(c, r, ldc, BF16_OUT, flags);
      VectorMove.clear(row, at(0, n, 1, BF16_OUT, flags));
    }
  }

  @Override
  public void close() {
    if (microKernels != null) {
      microKernels.close();
    }
    gemm.close();
    scratch.close();
    library.close();
  }
}
