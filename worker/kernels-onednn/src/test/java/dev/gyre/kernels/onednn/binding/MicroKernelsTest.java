package dev.gyre.kernels.onednn.binding;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;

class MicroKernelsTest {
  /** Bit of dnnl_cpu_isa_t. */
  private static final int AVX512_BF16 = 0x80;

  /**
   * The bundled version must be the one that is bound, or no machine would use the micro-kernels.
   */
  @Test
  void opensWhereTheCpuHasTheInstructions() {
    try (OneDnn oneDnn = OneDnn.open()) {
      MicroKernels.Opened opened = MicroKernels.open(oneDnn);
      if ((oneDnn.effectiveIsa() & AVX512_BF16) != 0) {
        assertInstanceOf(MicroKernels.Opened.Working.class, opened).kernels().close();
      } else {
        String reason = assertInstanceOf(MicroKernels.Opened.Refused.class, opened).reason();
        assertEquals("this CPU has no AVX512-BF16", reason);
      }
    }
  }

  @Test
  void anotherVersionIsRefused() {
    assertNull(MicroKernels.refusal(new int[] {3, 13, 0}, AVX512_BF16));
    assertEquals(
        "oneDNN is 3.13.1, its micro-kernels are bound for 3.13.0",
        MicroKernels.refusal(new int[] {3, 13, 1}, AVX512_BF16));
    assertEquals(
        "this CPU has no AVX512-BF16", MicroKernels.refusal(new int[] {3, 13, 0}, ~AVX512_BF16));
  }

  /** Shapes beyond the capacity evict others, and give the same results. */
  @Test
  void moreShapesThanAreKept() {
    try (OneDnn oneDnn = OneDnn.open();
        Arena arena = Arena.ofConfined()) {
      if (!(MicroKernels.open(oneDnn)
          instanceof MicroKernels.Opened.Working(MicroKernels kernels))) {
        return;
      }
      try (kernels) {
        MemorySegment zeros = arena.allocate(1 << 20, 64);
        for (int m = 1; m <= MicroKernels.CAPACITY / 2 + 5; m++) {
          long c = zeros.address() + (512 << 10);
          assertTrue(
              kernels.multiply(false, m, 16, 32, zeros.address(), 32, zeros.address(), 16, c, 16));
        }
        int compiled = kernels.compiled();
        assertTrue(compiled < MicroKernels.CAPACITY / 4, compiled + " kept after an eviction");
        assertNull(new MicroKernelTrial(kernels::multiply).failure());
      }
    }
  }

  /** A trial must detect a kernel that computes something else. */
  @Test
  void aWrongProductIsNoticed() {
    assertNull(new MicroKernelTrial(MicroKernelsTest::product).failure());
    String wrong = "oneDNN's micro-kernel for a product 64x64x64 is wrong";
    assertEquals(wrong, new MicroKernelTrial((_, _, _, _, _, _, _, _, _, _) -> true).failure());
    assertEquals(wrong, trialThat((c, ldc) -> c.setAtIndex(JAVA_FLOAT, 3L * ldc + 5, 1e4f)));
    assertEquals(wrong, trialThat((c, ldc) -> c.setAtIndex(JAVA_FLOAT, ldc - 1, 0)));
    assertEquals(wrong, trialThat(MicroKernelsTest::swapTwoColumns));
    assertEquals(
        "oneDNN's micro-kernel for a product 64x64x64 does not compile",
        new MicroKernelTrial((_, _, _, _, _, _, _, _, _, _) -> false).failure());
  }

  private static void swapTwoColumns(MemorySegment c, int ldc) {
    for (long row = 0; row < 64; row++) {
      float left = c.getAtIndex(JAVA_FLOAT, row * ldc + 1);
      c.setAtIndex(JAVA_FLOAT, row * ldc + 1, c.getAtIndex(JAVA_FLOAT, row * ldc + 2));
      c.setAtIndex(JAVA_FLOAT, row * ldc + 2, left);
    }
  }

  /** The trial's message for correct products that are then corrupted. */
  private static String trialThat(BiConsumer<MemorySegment, Integer> spoils) {
    return String.valueOf(
        new MicroKernelTrial(
                (accumulate, m, n, k, a, lda, b, ldb, c, ldc) -> {
                  product(accumulate, m, n, k, a, lda, b, ldb, c, ldc);
                  spoils.accept(at(c, 4L * m * ldc), ldc);
                  return true;
                })
            .failure());
  }

  /** {@link MicroKernels#multiply} in plain loops. */
  private static boolean product(
      boolean accumulate, int m, int n, int k, long a, int lda, long b, int ldb, long c, int ldc) {
    MemorySegment left = at(a, 2L * m * lda);
    MemorySegment right = at(b, 2L * k * ldb);
    MemorySegment to = at(c, 4L * m * ldc);
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        float sum = accumulate ? to.getAtIndex(JAVA_FLOAT, (long) i * ldc + j) : 0;
        for (int p = 0; p < k; p++) {
          sum += value(left, (long) i * lda + p) * value(right, (p / 2L * ldb + j) * 2 + p % 2);
        }
        to.setAtIndex(JAVA_FLOAT, (long) i * ldc + j, sum);
      }
    }
    return true;
  }

  @SuppressWarnings("restricted")
  private static MemorySegment at(long address, long bytes) {
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  private static float value(MemorySegment bf16, long index) {
    return Float.intBitsToFloat(bf16.getAtIndex(JAVA_SHORT, index) << 16);
  }
}
