package dev.gyre.kernels.onednn.binding;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Trial products of {@link MicroKernels} on whole numbers, whose sums are exact in every order:
 * whole and partial tiles, long and short sums, rows wider than the result, and several shapes in
 * sequence so that the tile configuration changes.
 *
 * <p>C = A B is checked as C w = A (B w) with w = (1, 2, ...), as Freivalds (1979) does: a wrong
 * element, row or order shows, and a start costs milliseconds.
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

  /** Elements after each row of a matrix, which must not be modified. */
  private static final int GAP = 16;

  private static final int UNTOUCHED = 77;

  /** {@link MicroKernels#multiply}. */
  interface Multiply {
    boolean multiply(
        boolean accumulate, int m, int n, int k, long a, int lda, long b, int ldb, long c, int ldc);
  }

  private final Multiply kernels;

  MicroKernelTrial(Multiply kernels) {
    this.kernels = kernels;
  }

  /** The first error, or null. */
  @Nullable String failure() {
    for (int[] shape : SHAPES) {
      String failure = failure(shape[0], shape[1], shape[2]);
      if (failure != null) {
        return failure;
      }
    }
    return null;
  }

  private @Nullable String failure(int m, int n, int k) {
    int lda = k + 2 * GAP;
    int ldb = n + GAP;
    int ldc = n + GAP;
    String product = "oneDNN's micro-kernel for a product %dx%dx%d".formatted(m, n, k);
    int[] left = numbers(m * lda, 7, 13);
    int[] right = numbers(k * ldb, 5, 11);
    float[] untouched = new float[m * ldc];
    Arrays.fill(untouched, UNTOUCHED);
    long[] expected = weightedRows(left, lda, right, ldb, m, n, k);
    try (Arena arena = Arena.ofConfined()) {
      long a = bf16(arena, left).address();
      long b = bf16(arena, right).address();
      MemorySegment c = arena.allocate(4L * m * ldc, 64);
      for (boolean accumulate : new boolean[] {false, true}) {
        MemorySegment.copy(untouched, 0, c, JAVA_FLOAT, 0, untouched.length);
        if (!kernels.multiply(accumulate, m, n, k, a, lda, b, ldb, c.address(), ldc)) {
          return product + " does not compile";
        }
        int before = accumulate ? UNTOUCHED : 0;
        if (!isProduct(c.toArray(JAVA_FLOAT), ldc, n, before, expected)) {
          return product + " is wrong";
        }
      }
    }
    return null;
  }

  /** A (B w): B with the two elements of a pair of rows beside each other. */
  private static long[] weightedRows(int[] a, int lda, int[] b, int ldb, int m, int n, int k) {
    long[] weighted = new long[k];
    for (int p = 0; p < k; p++) {
      for (int j = 0; j < n; j++) {
        weighted[p] += (j + 1L) * b[(p / 2 * ldb + j) * 2 + p % 2];
      }
    }
    long[] rows = new long[m];
    for (int i = 0; i < m; i++) {
      for (int p = 0; p < k; p++) {
        rows[i] += a[i * lda + p] * weighted[p];
      }
    }
    return rows;
  }

  private static boolean isProduct(float[] c, int ldc, int n, int before, long[] expected) {
    for (int i = 0; i < expected.length; i++) {
      double row = 0;
      for (int j = 0; j < n; j++) {
        row += (j + 1.0) * (c[i * ldc + j] - before);
      }
      if (row != expected[i]) {
        return false;
      }
      for (int j = n; j < ldc; j++) {
        if (c[i * ldc + j] != UNTOUCHED) {
          return false;
        }
      }
    }
    return true;
  }

  /** Small whole numbers, of both signs. */
  private static int[] numbers(int elements, int factor, int modulus) {
    int[] values = new int[elements];
    for (int i = 0; i < elements; i++) {
      values[i] = i * factor % modulus - modulus / 2;
    }
    return values;
  }

  private static MemorySegment bf16(Arena arena, int[] values) {
    short[] converted = new short[values.length];
    for (int i = 0; i < values.length; i++) {
      converted[i] = (short) (Float.floatToRawIntBits(values[i]) >>> 16);
    }
    MemorySegment matrix = arena.allocate(2L * values.length, 64);
    MemorySegment.copy(converted, 0, matrix, JAVA_SHORT, 0, converted.length);
    return matrix;
  }
}
