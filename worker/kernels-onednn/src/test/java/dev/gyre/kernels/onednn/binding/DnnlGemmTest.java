package dev.gyre.kernels.onednn.binding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.BFloat16;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DnnlGemmTest {
  private static final int[] SIZES = {1, 2, 3, 16, 17, 31, 64, 97};

  private final OneDnn oneDnn = OneDnn.open();

  @AfterAll
  void close() {
    oneDnn.close();
  }

  @BeforeAll
  void thisCpuHasBothWays() {
    assertTrue(oneDnn.effectiveIsa() != 0);
  }

  /** All flags, ragged sizes, leading dimensions beyond the width. */
  @Test
  void bothWaysComputeTheProduct() {
    Random random = new Random(1);
    try (DnnlGemm gemm = new DnnlGemm(oneDnn)) {
      for (int round = 0; round < 300; round++) {
        int flags = random.nextInt(32);
        if ((flags & DnnlGemm.BF16_OUT) != 0) {
          flags |= DnnlGemm.BF16_IN;
        }
        int m = SIZES[random.nextInt(SIZES.length)];
        int n = SIZES[random.nextInt(SIZES.length)];
        int k = SIZES[random.nextInt(SIZES.length)];
        boolean fixed = round % 2 == 0;
        int pack = fixed && random.nextBoolean() ? DnnlGemm.PACK_B : 0;
        check(gemm, flags | pack, m, n, k, random.nextInt(3) * 5, random, fixed);
      }
    }
  }

  private static void check(
      DnnlGemm gemm, int flags, int m, int n, int k, int extra, Random random, boolean fixed) {
    DType in = (flags & DnnlGemm.BF16_IN) != 0 ? DType.BF16 : DType.F32;
    DType out = (flags & DnnlGemm.BF16_OUT) != 0 ? DType.BF16 : DType.F32;
    boolean transA = (flags & DnnlGemm.TRANSPOSE_A) != 0;
    boolean transB = (flags & DnnlGemm.TRANSPOSE_B) != 0;
    boolean accumulate = (flags & DnnlGemm.ACCUMULATE) != 0;
    try (Arena arena = Arena.ofConfined()) {
      Tensor a = matrix(arena, in, transA ? k : m, (transA ? m : k) + extra, random);
      Tensor b = matrix(arena, in, transB ? n : k, (transB ? k : n) + extra, random);
      Tensor c = matrix(arena, out, m, n + extra, random);
      double[] av = Tensors.toDoubles(a);
      double[] bv = Tensors.toDoubles(b);
      double[] cv = Tensors.toDoubles(c);
      int lda = (int) a.width();
      int ldb = (int) b.width();
      int ldc = (int) c.width();
      if (fixed) {
        gemm.fixed(flags, m, n, k, a.address(), lda, b.address(), ldb, c.address(), ldc);
      } else {
        gemm.any(flags, m, n, k, a.address(), lda, b.address(), ldb, c.address(), ldc);
      }
      double[] actual = Tensors.toDoubles(c);
      String what = "flags %d, %dx%dx%d +%d".formatted(flags, m, n, k, extra);
      for (int i = 0; i < m; i++) {
        for (int j = 0; j < ldc; j++) {
          int at = i * ldc + j;
          if (j >= n) {
            assertEquals(cv[at], actual[at], what + ": wrote outside the result");
            continue;
          }
          double sum = accumulate ? cv[at] : 0;
          for (int x = 0; x < k; x++) {
            double aix = av[transA ? x * lda + i : i * lda + x];
            sum += aix * bv[transB ? j * ldb + x : x * ldb + j];
          }
          double bound = out == DType.BF16 ? Math.abs(sum) / 128 + 1e-4 : 1e-5 * (k + 10);
          assertEquals(sum, actual[at], bound, what);
        }
      }
    }
  }

  private static Tensor matrix(Arena arena, DType dtype, int rows, int columns, Random random) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      float value = (float) random.nextGaussian();
      values[i] = dtype == DType.BF16 ? BFloat16.toFloat(BFloat16.fromFloat(value)) : value;
    }
    return Tensors.of(arena, dtype, values, rows, columns);
  }

  @Test
  void holdsNoMoreThanItsCapacityAndStaysRight() {
    Random random = new Random(2);
    try (DnnlGemm gemm = new DnnlGemm(oneDnn, 4)) {
      check(gemm, 0, 4, 5, 6, 0, random, true);
      assertEquals(1, gemm.compiled());
      check(gemm, 0, 4, 5, 6, 0, random, true);
      assertEquals(1, gemm.compiled(), "the same shape was compiled twice");
      int shapes = gemm.capacity() + 100;
      for (int i = 0; i < shapes; i++) {
        check(gemm, 0, 1 + i % 12, 1 + i / 12, 1, 0, random, true);
      }
      assertTrue(gemm.cached() <= gemm.capacity(), gemm.cached() + " held");
      assertTrue(gemm.compiled() > gemm.capacity());
      check(gemm, 0, 4, 5, 6, 0, random, true);
    }
  }
}
