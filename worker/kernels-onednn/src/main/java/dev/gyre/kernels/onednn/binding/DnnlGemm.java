package dev.gyre.kernels.onednn.binding;

import dev.gyre.kernels.vector.Products;
import dev.gyre.kernels.vector.Scratch;
import java.lang.foreign.Arena;

/**
 * Products C = op(A)·op(B), or C += op(A)·op(B), of row-major matrices: op(A) is [m,k], op(B) is
 * [k,n], C is [m,n]; leading dimensions count elements. A transposed operand lies in memory as
 * [k,m] or [n,k]. Sums are f32 in an order that depends only on the shape and the thread count.
 *
 * <p>Two methods compute the same product up to rounding. {@link #any} calls oneDNN's gemm, which
 * takes any shape without compilation and costs about 1 µs per call. {@link #fixed} compiles a
 * product for one shape (milliseconds, once). It is 10 to 20 % faster on small matrices and can
 * write bf16; use it for shapes that recur. Single-threaded; no allocation once warm.
 */
public final class DnnlGemm implements AutoCloseable {
  public static final int TRANSPOSE_A = Products.TRANSPOSE_A;
  public static final int TRANSPOSE_B = Products.TRANSPOSE_B;
  public static final int ACCUMULATE = Products.ACCUMULATE;

  /** A and B are bf16, not f32. */
  public static final int BF16_IN = Products.BF16_IN;

  /** C is bf16, not f32; only with {@link #BF16_IN}. */
  public static final int BF16_OUT = Products.BF16_OUT;

  /**
   * B is reordered into oneDNN's own layout on every call; only for {@link #fixed}. Pays for many
   * rows on CPUs with tile instructions.
   */
  public static final int PACK_B = 32;

  /**
   * Sets of 8 products. A model of 20 weight shapes needs about 20 × 3 kinds × 8 row counts,
   * attention some 40 per head size; at some 20 KB of code and tables each, all 1,024 are 20 MB.
   */
  private static final int CACHE_SETS = 128;

  private final OneDnn oneDnn;
  private final Arena arena = Arena.ofShared();
  private final MatmulCache cache;
  private final Scratch scratch = new Scratch();

  /**
   * @param oneDnn closed by the caller, after this
   */
  public DnnlGemm(OneDnn oneDnn) {
    this(oneDnn, CACHE_SETS);
  }

  DnnlGemm(OneDnn oneDnn, int cacheSets) {
    this.oneDnn = oneDnn;
    this.cache = new MatmulCache(oneDnn, arena, cacheSets);
  }

  static boolean has(int flags, int flag) {
    return (flags & flag) != 0;
  }

  /**
   * Whether {@link #any} takes these without compiling: all shapes, except with bf16 if oneDNN has
   * no bf16 gemm.
   */
  public boolean takesAnyShape(int flags) {
    return !has(flags, BF16_OUT) && (!has(flags, BF16_IN) || oneDnn.hasBf16Gemm());
  }

  /**
   * A product of any shape; k is at least 1. Compiles only what {@link #takesAnyShape} excludes.
   */
  public void any(
      int flags, int m, int n, int k, long a, int lda, long b, int ldb, long c, int ldc) {
    if (m == 0 || n == 0) {
      return;
    }
    if (!takesAnyShape(flags)) {
      fixed(flags, m, n, k, a, lda, b, ldb, c, ldc);
      return;
    }
    oneDnn.bindThread();
    boolean transA = has(flags, TRANSPOSE_A);
    boolean transB = has(flags, TRANSPOSE_B);
    float beta = has(flags, ACCUMULATE) ? 1f : 0f;
    if (has(flags, BF16_IN)) {
      oneDnn.bf16Gemm(transA, transB, m, n, k, a, lda, b, ldb, beta, c, ldc);
    } else {
      oneDnn.sgemm(transA, transB, m, n, k, a, lda, b, ldb, beta, c, ldc);
    }
  }

  /** A product of a recurring shape; k is at least 1. */
  public void fixed(
      int flags, int m, int n, int k, long a, int lda, long b, int ldb, long c, int ldc) {
    if (m == 0 || n == 0) {
      return;
    }
    oneDnn.bindThread();
    Matmul matmul = cache.get(flags, m, n, k, lda, ldb, ldc);
    matmul.run(oneDnn, a, b, c, scratch.reserve(matmul.scratchBytes));
  }

  /** Products compiled since this was made. */
  public long compiled() {
    return cache.compiled();
  }

  /** Compiled products held now. */
  int cached() {
    return cache.size();
  }

  /** Most products held at once. */
  int capacity() {
    return cache.capacity();
  }

  @Override
  public void close() {
    cache.close();
    scratch.close();
    arena.close();
  }
}
