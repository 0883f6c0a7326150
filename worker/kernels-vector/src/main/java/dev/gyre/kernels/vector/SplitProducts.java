package dev.gyre.kernels.vector;

/**
 * Divides products along the rows or the columns of C, one part per thread. The division depends
 * only on the shape and the number of threads.
 */
final class SplitProducts implements Products, KernelThreads.Work {
  /** For smaller products, waking a thread costs more than it saves: 2 MFLOP take about 20 µs. */
  private static final double LEAST_FLOPS = 2e6;

  /** Parts begin at multiples of this: whole tiles of every micro-kernel, and whole cache lines. */
  private static final int GRAIN = 48;

  private final KernelThreads threads;
  private final Products[] each;
  private int flags;
  private int m;
  private int n;
  private int k;
  private long a;
  private int lda;
  private long b;
  private int ldb;
  private long c;
  private int ldc;

  /** Rows of C in a part, or columns. */
  private int part;

  private boolean byRows;

  /**
   * @param each one products object per thread
   */
  SplitProducts(KernelThreads threads, Products[] each) {
    this.threads = threads;
    this.each = each;
  }

  @Override
  public void multiply(
      int flags, int m, int n, int k, long a, int lda, long b, int ldb, long c, int ldc) {
    if (threads.count() == 1 || 2.0 * m * n * k < LEAST_FLOPS) {
      each[0].multiply(flags, m, n, k, a, lda, b, ldb, c, ldc);
      return;
    }
    this.flags = flags;
    this.m = m;
    this.n = n;
    this.k = k;
    this.a = a;
    this.lda = lda;
    this.b = b;
    this.ldb = ldb;
    this.c = c;
    this.ldc = ldc;
    byRows = m >= n;
    int size = byRows ? m : n;
    int grains = (size + GRAIN - 1) / GRAIN;
    part = (grains + threads.count() - 1) / threads.count() * GRAIN;
    threads.run((size + part - 1) / part, this);
  }

  @Override
  public void run(int unit, int worker) {
    int inBytes = has(BF16_IN) ? 2 : 4;
    int outBytes = has(BF16_OUT) ? 2 : 4;
    int from = unit * part;
    if (byRows) {
      long aHere = a + (has(TRANSPOSE_A) ? from : (long) from * lda) * inBytes;
      long cHere = c + (long) from * ldc * outBytes;
      each[worker].multiply(flags, Math.min(part, m - from), n, k, aHere, lda, b, ldb, cHere, ldc);
    } else {
      long bHere = b + (has(TRANSPOSE_B) ? (long) from * ldb : from) * inBytes;
      long cHere = c + (long) from * outBytes;
      each[worker].multiply(flags, m, Math.min(part, n - from), k, a, lda, bHere, ldb, cHere, ldc);
    }
  }

  private boolean has(int flag) {
    return Products.has(flags, flag);
  }
}
