package dev.gyre.kernels.onednn.binding;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Trial products of {@link MicroKernels} on whole numbers, whose sums are exact in every order,
 * against plain loops: whole tiles, rests of rows, long and short sums, rows wider than the result,
 * one shape after the other as tile configurations change.
 */
final class MicroKernelTrial {
  private static final int[][] SHAPES = {
    {64, 64, 64},
    {16, 16, 32},
    {37, 96, 64},
    {1, 32, 96},
    {64, 128, 256},
    {20, 64, 32},
    {64, 64, 64}
  };

  /** Elements beyond a row of each matrix: they must stay as they are. */
  private static final int GAP = 16;

  private static final float UNTOUCHED = 77f;

  /** {@link MicroKernels#multiply}. */
  interface Multiply {
    boolean multiply(
        boolean accumulate, int m, int n, int k, long a, int lda, long b, int ldb, long c, int ldc);
  }

  private final Multiply kernels;

  MicroKernelTrial(Multiply kernels) {
    this.kernels = kernels;
  }

  /** What is wrong, or null. */
  @Nullable String failure() {
    for (int[] shape : SHAPES) {
      for (boolean accumulate : new boolean[] {false, true}) {
        try (Arena arena = Arena.ofConfined()) {
          String failure = failure(arena, accumulate, shape[0], shape[1], shape[2]);
          if (failure != null) {
            return failure;
          }
        }
      }
    }
    return null;
  }

  private @Nullable String failure(Arena arena, boolean accumulate, int m, int n, int k) {
    int lda = k + 2 * GAP;
    int ldb = n + GAP;
    int ldc = n + GAP;
    MemorySegment a = arena.allocate(2L * m * lda, 64);
    MemorySegment b = arena.allocate(2L * k * ldb, 64);
    MemorySegment c = arena.allocate(4L * m * ldc, 64);
    for (int i = 0; i < m * lda; i++) {
      a.setAtIndex(JAVA_SHORT, i, bf16(i * 7 % 13 - 6));
    }
    for (int i = 0; i < k * ldb; i++) {
      b.setAtIndex(JAVA_SHORT, i, bf16(i * 5 % 11 - 5));
    }
    for (int i = 0; i < m * ldc; i++) {
      c.setAtIndex(JAVA_FLOAT, i, UNTOUCHED);
    }
    String product = "oneDNN's micro-kernel for a product %dx%dx%d".formatted(m, n, k);
    if (!kernels.multiply(
        accumulate, m, n, k, a.address(), lda, b.address(), ldb, c.address(), ldc)) {
      return product + " does not compile";
    }
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < ldc; j++) {
        float expected = j < n && !accumulate ? 0 : UNTOUCHED;
        for (int p = 0; j < n && p < k; p++) {
          float right = value(b, ((long) p / 2 * ldb + j) * 2 + p % 2);
          expected += value(a, (long) i * lda + p) * right;
        }
        if (c.getAtIndex(JAVA_FLOAT, (long) i * ldc + j) != expected) {
          return product + " is wrong";
        }
      }
    }
    return null;
  }

  private static short bf16(int value) {
    return (short) (Float.floatToRawIntBits(value) >>> 16);
  }

  private static float value(MemorySegment matrix, long index) {
    return Float.intBitsToFloat(matrix.getAtIndex(JAVA_SHORT, index) << 16);
  }
}
