package dev.gyre.kernels.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GemmTest {
  private static final int ROWS = 3;
  private static final int COLUMNS = 5;

  private static float a(int i, int n) {
    return (i + n) % 7 - 3;
  }

  private static float b(int n, int j) {
    return (n * 3 + j) % 5 - 2;
  }

  /**
   * Inner sizes like the number of tokens in a weight's gradient; small integers, so that sums are
   * exact.
   */
  @ParameterizedTest
  @ValueSource(ints = {8_191, 8_192, 8_193, 20_011})
  void aLongInnerSizeIsOneSum(int k) {
    for (int flags = 0; flags < 8; flags++) {
      check(flags, k);
    }
  }

  @Test
  void panelsOfManyTokensDoNotFillTheHeap() {
    int tokens = 100_000;
    int columns = 32;
    try (Arena arena = Arena.ofConfined();
        Gemm gemm = new Gemm()) {
      MemorySegment a = arena.allocate(ValueLayout.JAVA_FLOAT, tokens);
      MemorySegment b = arena.allocate(ValueLayout.JAVA_FLOAT, (long) tokens * columns);
      MemorySegment c = arena.allocate(ValueLayout.JAVA_FLOAT, columns);
      gemm.multiply(
          Products.TRANSPOSE_A,
          1,
          columns,
          tokens,
          a.address(),
          1,
          b.address(),
          columns,
          c.address(),
          columns);
      // All of B would be 3.2 million.
      assertTrue(gemm.panelFloats() < 500_000, gemm.panelFloats() + " floats");
    }
  }

  private static void check(int flags, int k) {
    boolean transposeA = Products.has(flags, Products.TRANSPOSE_A);
    boolean transposeB = Products.has(flags, Products.TRANSPOSE_B);
    int lda = transposeA ? ROWS : k;
    int ldb = transposeB ? k : COLUMNS;
    try (Arena arena = Arena.ofConfined();
        Gemm gemm = new Gemm()) {
      MemorySegment a = arena.allocate(ValueLayout.JAVA_FLOAT, (long) ROWS * k);
      MemorySegment b = arena.allocate(ValueLayout.JAVA_FLOAT, (long) COLUMNS * k);
      MemorySegment c = arena.allocate(ValueLayout.JAVA_FLOAT, ROWS * COLUMNS);
      c.fill((byte) 0);
      c.setAtIndex(ValueLayout.JAVA_FLOAT, 0, 1000f);
      for (int n = 0; n < k; n++) {
        for (int i = 0; i < ROWS; i++) {
          a.setAtIndex(ValueLayout.JAVA_FLOAT, transposeA ? n * lda + i : i * lda + n, a(i, n));
        }
        for (int j = 0; j < COLUMNS; j++) {
          b.setAtIndex(ValueLayout.JAVA_FLOAT, transposeB ? j * ldb + n : n * ldb + j, b(n, j));
        }
      }
      gemm.multiply(
          flags, ROWS, COLUMNS, k, a.address(), lda, b.address(), ldb, c.address(), COLUMNS);
      for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < COLUMNS; j++) {
          long sum = Products.has(flags, Products.ACCUMULATE) && i + j == 0 ? 1000 : 0;
          for (int n = 0; n < k; n++) {
            sum += (long) (a(i, n) * b(n, j));
          }
          String where = "flags %d, element %d, %d".formatted(flags, i, j);
          assertEquals(sum, c.getAtIndex(ValueLayout.JAVA_FLOAT, i * COLUMNS + j), where);
        }
      }
    }
  }
}
