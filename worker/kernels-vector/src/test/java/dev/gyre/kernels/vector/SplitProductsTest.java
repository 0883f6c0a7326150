package dev.gyre.kernels.vector;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import java.lang.foreign.Arena;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class SplitProductsTest {
  private final Random random = new Random(11);

  private Tensor normal(Arena arena, DType dtype, int rows, int columns) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensors.of(arena, dtype, values, rows, columns);
  }

  /**
   * Products split by rows or by columns, in any orientation and dtype, have the bits of one
   * thread.
   */
  @Test
  void anyNumberOfThreadsGivesTheSameBits() {
    int[][] shapes = {{150, 101, 70}, {61, 280, 62}}; // just above the split limit
    for (int[] shape : shapes) {
      for (int flags = 0; flags < 32; flags++) {
        if (Products.has(flags, Products.BF16_OUT) && !Products.has(flags, Products.BF16_IN)) {
          continue;
        }
        sameBits(flags, shape[0], shape[1], shape[2]);
      }
    }
  }

  private void sameBits(int flags, int m, int n, int k) {
    try (Arena arena = Arena.ofShared()) {
      DType in = Products.has(flags, Products.BF16_IN) ? DType.BF16 : DType.F32;
      DType out = Products.has(flags, Products.BF16_OUT) ? DType.BF16 : DType.F32;
      boolean ta = Products.has(flags, Products.TRANSPOSE_A);
      boolean tb = Products.has(flags, Products.TRANSPOSE_B);
      Tensor a = normal(arena, in, ta ? k : m, ta ? m : k);
      Tensor b = normal(arena, in, tb ? n : k, tb ? k : n);
      Tensor start = normal(arena, out, m, n);
      float[] expected = {};
      for (int count = 1; count <= 3; count++) {
        Tensor c = Tensors.of(arena, out, Tensors.toFloats(start), m, n);
        AtomicInteger parts = new AtomicInteger();
        try (KernelThreads threads = new KernelThreads(count)) {
          Products[] each = new Products[count];
          Products[] gemms = new Products[count];
          for (int i = 0; i < count; i++) {
            gemms[i] = new Gemm();
            Products gemm = gemms[i];
            each[i] =
                (f, pm, pn, pk, pa, lda, pb, ldb, pc, ldc) -> {
                  parts.incrementAndGet();
                  gemm.multiply(f, pm, pn, pk, pa, lda, pb, ldb, pc, ldc);
                };
          }
          new SplitProducts(threads, each)
              .multiply(
                  flags,
                  m,
                  n,
                  k,
                  a.address(),
                  (int) a.dim(1),
                  b.address(),
                  (int) b.dim(1),
                  c.address(),
                  n);
          for (Products gemm : gemms) {
            gemm.close();
          }
        }
        String where = "flags " + flags + " " + m + "x" + n + "x" + k + " threads " + count;
        if (count == 1) {
          assertEquals(1, parts.get(), where);
          expected = Tensors.toFloats(c);
        } else {
          assertTrue(parts.get() > 1 && parts.get() <= count, where + ": " + parts + " parts");
          assertArrayEquals(expected, Tensors.toFloats(c), where);
        }
      }
    }
  }
}
