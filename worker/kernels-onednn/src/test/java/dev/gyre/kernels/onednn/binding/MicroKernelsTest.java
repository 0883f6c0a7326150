package dev.gyre.kernels.onednn.binding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class MicroKernelsTest {
  /** Bit of dnnl_cpu_isa_t. */
  private static final int AVX512_BF16 = 0x80;

  /** The bundled version must be the bound one, or no machine would have the micro-kernels. */
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

  /** Shapes beyond the capacity take the place of others, and give the same results. */
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
        assertTrue(compiled < MicroKernels.CAPACITY / 4, compiled + " kept after the oldest went");
        assertNull(new MicroKernelTrial(kernels::multiply).failure());
      }
    }
  }

  /** A trial must notice a kernel that computes something else. */
  @Test
  void aWrongProductIsNoticed() {
    MicroKernelTrial trial =
        new MicroKernelTrial((accumulate, m, n, k, a, lda, b, ldb, c, ldc) -> true);
    assertEquals("oneDNN's micro-kernel for a product 64x64x64 is wrong", trial.failure());
    MicroKernelTrial none =
        new MicroKernelTrial((accumulate, m, n, k, a, lda, b, ldb, c, ldc) -> false);
    assertEquals("oneDNN's micro-kernel for a product 64x64x64 does not compile", none.failure());
  }
}
