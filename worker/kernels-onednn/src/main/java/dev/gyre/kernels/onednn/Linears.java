package dev.gyre.kernels.onednn;

import static dev.gyre.kernels.onednn.binding.Gemm.ACCUMULATE;
import static dev.gyre.kernels.onednn.binding.Gemm.BF16_IN;
import static dev.gyre.kernels.onednn.binding.Gemm.BF16_OUT;
import static dev.gyre.kernels.onednn.binding.Gemm.PACK_B;
import static dev.gyre.kernels.onednn.binding.Gemm.TRANSPOSE_A;
import static dev.gyre.kernels.onednn.binding.Gemm.TRANSPOSE_B;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.onednn.binding.Gemm;
import dev.gyre.kernels.onednn.binding.Scratch;
import dev.gyre.kernels.vector.VectorMove;

/**
 * The linear kernels, dense and grouped, over {@link Gemm}. Results in f32 take any row count at
 * full speed. Results in BF16 need a compiled product per row count, so rows are cut into powers of
 * two from {@link #LEAST_ROWS} to {@link #MOST_ROWS} (eight products per weight shape, however the
 * experts' row counts change), and the few rows left go through f32 scratch.
 */
final class Linears {
  private static final int LEAST_ROWS = 32;
  private static final int MOST_ROWS = 4096;

  /**
   * Packing w reads and writes it once, as much work as a few tens of rows; from here on it is lost
   * in the product.
   */
  private static final int LEAST_ROWS_TO_PACK = 512;

  private final Gemm gemm;
  private final Scratch scratch;
  private final boolean packs;
  private final Kernels rest;

  /**
   * @param packs whether BF16 weights are packed for many rows: with tile instructions that doubles
   *     the rate, with vector instructions it gains 2 % at most
   * @param rest fills what a product over nothing leaves
   */
  Linears(Gemm gemm, Scratch scratch, boolean packs, Kernels rest) {
    this.gemm = gemm;
    this.scratch = scratch;
    this.packs = packs;
    this.rest = rest;
  }

  /** y = x·wᵀ. */
  void forward(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    int in = size(x, 1);
    int out = size(w, 0);
    if (in == 0) {
      overNothing(y, accumulate);
      return;
    }
    int flags = flags(x, y, accumulate) | TRANSPOSE_B;
    rows(flags, size(x, 0), out, in, x.address(), in, w.address(), in, y.address(), out);
  }

  /** dx = dy·w. */
  void backwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    int in = size(w, 1);
    int out = size(w, 0);
    if (out == 0) {
      overNothing(dx, accumulate);
      return;
    }
    int flags = flags(dy, dx, accumulate);
    rows(flags, size(dy, 0), in, out, dy.address(), out, w.address(), in, dx.address(), in);
  }

  /** dw += dyᵀ·x. */
  void backwardWeight(Tensor dy, Tensor x, Tensor dw) {
    weightGradient(dy, x, 0, size(x, 0), size(dy, 1), size(x, 1), dw.address());
  }

  void groupedForward(Tensor x, Tensor w, int[] offsets, Tensor y) {
    int in = size(x, 1);
    int out = size(w, 1);
    if (in == 0) {
      overNothing(y, false);
      return;
    }
    int flags = flags(x, y, false) | TRANSPOSE_B;
    long weightBytes = (long) in * out * w.dtype().bytes();
    for (int e = 0; e + 1 < offsets.length; e++) {
      int first = offsets[e];
      long a = x.address() + (long) first * in * x.dtype().bytes();
      long b = w.address() + e * weightBytes;
      long c = y.address() + (long) first * out * y.dtype().bytes();
      rows(flags, offsets[e + 1] - first, out, in, a, in, b, in, c, out);
    }
  }

  void groupedBackwardInput(Tensor dy, Tensor w, int[] offsets, Tensor dx) {
    int in = size(w, 2);
    int out = size(w, 1);
    if (out == 0) {
      overNothing(dx, false);
      return;
    }
    int flags = flags(dy, dx, false);
    long weightBytes = (long) in * out * w.dtype().bytes();
    for (int e = 0; e + 1 < offsets.length; e++) {
      int first = offsets[e];
      long a = dy.address() + (long) first * out * dy.dtype().bytes();
      long b = w.address() + e * weightBytes;
      long c = dx.address() + (long) first * in * dx.dtype().bytes();
      rows(flags, offsets[e + 1] - first, in, out, a, out, b, in, c, in);
    }
  }

  void groupedBackwardWeight(Tensor dy, Tensor x, int[] offsets, Tensor dw) {
    int out = size(dy, 1);
    int in = size(x, 1);
    long gradientBytes = (long) in * out * Float.BYTES;
    for (int e = 0; e + 1 < offsets.length; e++) {
      int count = offsets[e + 1] - offsets[e];
      weightGradient(dy, x, offsets[e], count, out, in, dw.address() + e * gradientBytes);
    }
  }

  private void weightGradient(Tensor dy, Tensor x, int first, int count, int out, int in, long dw) {
    if (count == 0) {
      return; // += a sum over no rows
    }
    long a = dy.address() + (long) first * out * dy.dtype().bytes();
    long b = x.address() + (long) first * in * x.dtype().bytes();
    int bf16 = x.dtype() == DType.BF16 ? BF16_IN : 0;
    gemm.any(TRANSPOSE_A | ACCUMULATE | bf16, out, in, count, a, out, b, in, dw, in);
  }

  /** A product whose m is a count of tokens. */
  private void rows(
      int flags, int m, int n, int k, long a, int lda, long b, int ldb, long c, int ldc) {
    boolean bf16Out = (flags & BF16_OUT) != 0;
    boolean pack = packs && (flags & BF16_IN) != 0;
    int least = leastCompiled(flags, pack);
    int done = 0;
    while (m - done >= least) {
      int count = Math.min(MOST_ROWS, Integer.highestOneBit(m - done));
      int flagsHere = pack && count >= LEAST_ROWS_TO_PACK ? flags | PACK_B : flags;
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
    if (!bf16Out) {
      gemm.any(flags, count, n, k, aHere, lda, b, ldb, cHere, ldc);
      return;
    }
    long f32 = scratch.atLeast((long) count * n * Float.BYTES);
    gemm.any(flags & ~BF16_OUT, count, n, k, aHere, lda, b, ldb, f32, n);
    VectorMove.toBf16(f32, cHere, Math.multiplyExact(count, n));
  }

  /** Address of a row; {@code bf16} is the flag that makes its elements BF16. */
  private static long at(long base, int row, int stride, int bf16, int flags) {
    return base + (long) row * stride * ((flags & bf16) != 0 ? DType.BF16 : DType.F32).bytes();
  }

  /** Fewest rows that get a compiled product; fewer go through the gemm that takes any shape. */
  private int leastCompiled(int flags, boolean pack) {
    if ((flags & BF16_OUT) == 0) {
      return pack ? LEAST_ROWS_TO_PACK : Integer.MAX_VALUE;
    }
    boolean throughF32 = (flags & ACCUMULATE) == 0 && gemm.takesAnyShape(flags & ~BF16_OUT);
    return throughF32 ? LEAST_ROWS : 1;
  }

  private void overNothing(Tensor y, boolean accumulate) {
    if (!accumulate) {
      rest.fill(y, 0f);
    }
  }

  private static int flags(Tensor in, Tensor out, boolean accumulate) {
    return (in.dtype() == DType.BF16 ? BF16_IN : 0)
        | (out.dtype() == DType.BF16 ? BF16_OUT : 0)
        | (accumulate ? ACCUMULATE : 0);
  }

  private static int size(Tensor t, int dim) {
    return Math.toIntExact(t.dim(dim));
  }
}
