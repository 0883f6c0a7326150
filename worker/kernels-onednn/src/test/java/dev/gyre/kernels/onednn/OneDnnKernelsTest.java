package dev.gyre.kernels.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import dev.gyre.kernels.onednn.binding.OneDnn;
import dev.gyre.kernels.scalar.ScalarKernels;
import dev.gyre.kernels.vector.HostBackend;
import dev.gyre.kernels.vector.KernelThreads;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class OneDnnKernelsTest {
  private final Arena arena = Arena.ofShared();
  private final Random random = new Random(7);
  private final OneDnnProducts products = OneDnnProducts.open();
  private final Backend backend = over(products);
  private final Kernels kernels = backend.kernels();

  @AfterEach
  void close() {
    backend.close();
    arena.close();
  }

  private static Backend over(OneDnnProducts products) {
    return new HostBackend(OneDnnBackendProvider.NAME, new KernelThreads(1), products);
  }

  private Tensor normal(DType dtype, long... dims) {
    float[] values = new float[(int) new Tensor(0, dtype, dims).elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensors.of(arena, dtype, values, dims);
  }

  /**
   * Experts' row counts change every step; the number of compiled kernels must not grow with them.
   */
  @Test
  void anyRowCountsCompileFewProducts() {
    Tensor x = normal(DType.BF16, 5000, 16);
    Tensor w = normal(DType.BF16, 3, 24, 16);
    Tensor y = normal(DType.BF16, 5000, 24);
    for (int round = 0; round < 500; round++) {
      int a = random.nextInt(5000);
      int b = a + random.nextInt(5000 - a);
      kernels.groupedLinear(x, w, new int[] {0, a, b, 5000}, y);
      kernels.groupedLinearBackwardInput(y, w, new int[] {0, a, b, 5000}, x);
    }
    assertTrue(products.compiled() <= 16, products.compiled() + " products for two weight shapes");
  }

  /** Weights are packed as on CPUs with tile instructions for many rows, here on any CPU. */
  @Test
  void packedWeightsMeetTheTwin() {
    try (Backend packing = over(new OneDnnProducts(OneDnn.open(), true, null))) {
      meetsTheTwin(packing.kernels());
    }
  }

  private void meetsTheTwin(Kernels packing) {
    Kernels twin = ScalarKernels.create();
    Tensor x = normal(DType.BF16, 1100, 33);
    Tensor w = normal(DType.BF16, 20, 33);
    for (DType out : List.of(DType.F32, DType.BF16)) {
      Tensor expected = Tensors.zeros(arena, out, 1100, 20);
      Tensor actual = Tensors.zeros(arena, out, 1100, 20);
      twin.linear(x, w, expected, false);
      packing.linear(x, w, actual, false);
      assertClose(Tensors.toFloats(expected), Tensors.toFloats(actual), 5e-3);
      Tensor dxExpected = Tensors.zeros(arena, out, 1100, 33);
      Tensor dxActual = Tensors.zeros(arena, out, 1100, 33);
      Tensor dy = normal(DType.BF16, 1100, 20);
      twin.linearBackwardInput(dy, w, dxExpected, true);
      packing.linearBackwardInput(dy, w, dxActual, true);
      assertClose(Tensors.toFloats(dxExpected), Tensors.toFloats(dxActual), 5e-3);
    }
  }

  /** Several blocks of queries and keys, windows, ragged ends and grouped heads. */
  @Test
  void attentionOverManyBlocksMeetsTheTwin() {
    int tokens = 560;
    List<AttentionTiles> masks =
        List.of(
            new AttentionTiles.Builder()
                .add(0, tokens, 0, tokens, 0, AttentionTiles.UNLIMITED)
                .build(),
            new AttentionTiles.Builder().add(0, tokens, 0, tokens, 0, 300).build(),
            new AttentionTiles.Builder()
                .add(0, 270, 0, 560, -280, AttentionTiles.UNLIMITED)
                .add(275, 280, 13, 530, -AttentionTiles.UNLIMITED, AttentionTiles.UNLIMITED)
                .build());
    for (DType dtype : List.of(DType.F32, DType.BF16)) {
      for (AttentionTiles tiles : masks) {
        attentionMeetsTheTwin(kernels, dtype, tokens, tiles);
      }
    }
    try (Backend without = over(new OneDnnProducts(OneDnn.open(), false, null))) {
      for (AttentionTiles tiles : masks) {
        attentionMeetsTheTwin(without.kernels(), DType.BF16, tokens, tiles);
      }
    }
  }

  private void attentionMeetsTheTwin(
      Kernels backend, DType dtype, int tokens, AttentionTiles tiles) {
    int[] kvHeadOf = {1, 0, 1};
    Tensor q = normal(dtype, tokens, 3, 20);
    Tensor k = normal(dtype, tokens, 2, 20);
    Tensor v = normal(dtype, tokens, 2, 20);
    Tensor dOut = normal(dtype, tokens, 3, 20);
    float scale = 0.3f;
    float[][] results = new float[2][];
    float[][] gradients = new float[2][];
    for (int i = 0; i < 2; i++) {
      Kernels which = i == 0 ? ScalarKernels.create() : backend;
      Tensor out = Tensors.zeros(arena, DType.F32, tokens, 3, 20);
      Tensor lse = Tensors.zeros(arena, DType.F32, tokens, 3);
      Tensor delta = Tensors.zeros(arena, DType.F32, tokens, 3);
      Tensor dq = Tensors.zeros(arena, DType.F32, tokens, 3, 20);
      Tensor dkv = Tensors.zeros(arena, DType.F32, 2, tokens, 2, 20);
      which.fill(lse, Float.NEGATIVE_INFINITY);
      which.attention(q, k, v, kvHeadOf, tiles, scale, out, lse);
      which.attentionDelta(out, dOut, delta);
      which.attentionBackward(
          q, k, v, kvHeadOf, tiles, scale, dOut, lse, delta, dq, dkv.get(0), dkv.get(1));
      results[i] = Tensors.toFloats(out);
      gradients[i] = Tensors.toFloats(dkv);
      float[] dqs = Tensors.toFloats(dq);
      gradients[i] = Arrays.copyOf(gradients[i], gradients[i].length + dqs.length);
      System.arraycopy(dqs, 0, gradients[i], gradients[i].length - dqs.length, dqs.length);
    }
    // BF16 rounds p and ds once each: 2^-9 of a term, of which hundreds add up with random signs.
    double tolerance = dtype == DType.BF16 ? 1e-2 : 1e-5;
    assertClose(results[0], results[1], tolerance);
    assertClose(gradients[0], gradients[1], tolerance);
  }

  private static void assertClose(float[] expected, float[] actual, double tolerance) {
    float largest = 0;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertArrayEquals(expected, actual, (float) (largest * tolerance));
  }

  /** A NaN must reach the output, or a diverged run would continue unnoticed. */
  @Test
  void nanInAQueryReachesItsOutput() {
    for (DType dtype : List.of(DType.F32, DType.BF16)) {
      Tensor q = normal(dtype, 40, 1, 16);
      Tensor k = normal(dtype, 40, 1, 16);
      kernels.fill(q.slice(7, 1), Float.NaN);
      Tensor out = Tensors.zeros(arena, DType.F32, 40, 1, 16);
      Tensor lse = Tensors.zeros(arena, DType.F32, 40, 1);
      kernels.fill(lse, Float.NEGATIVE_INFINITY);
      AttentionTiles tiles =
          new AttentionTiles.Builder().add(0, 40, 0, 40, 0, AttentionTiles.UNLIMITED).build();
      kernels.attention(q, k, k, new int[] {0}, tiles, 0.25f, out, lse);
      assertTrue(Float.isNaN(Tensors.toFloats(out)[7 * 16]));
      assertTrue(Float.isNaN(Tensors.toFloats(lse)[7]));
      assertTrue(Float.isFinite(Tensors.toFloats(out)[8 * 16]));
    }
  }

  @Test
  void probeTellsWhatThisCpuHas() {
    BackendProbe.Available probe =
        assertInstanceOf(BackendProbe.Available.class, new OneDnnBackendProvider().probe());
    String expected =
        probe.nativeDtypes().contains(DType.BF16)
            ? "oneDNN 3.13 with micro-kernels"
            : "oneDNN 3.13 without micro-kernels: this CPU has no AVX512-BF16";
    assertEquals(expected, probe.library());
    assertTrue(probe.dtypes().containsAll(probe.nativeDtypes()));
    assertTrue(probe.nativeDtypes().contains(DType.F32));
  }

  @Test
  void instructionSetsFromTheLibrarysBits() {
    assertEquals(new CpuFeatures("AMX", true, true), CpuFeatures.ofX86(0xFEF));
    assertTrue(CpuFeatures.ofX86(0xFEF).tiles());
    assertEquals(new CpuFeatures("AVX512-BF16", true, true), CpuFeatures.ofX86(0xE7));
    assertEquals(new CpuFeatures("AVX512", true, false), CpuFeatures.ofX86(0x67));
    assertEquals(new CpuFeatures("AVX2", false, false), CpuFeatures.ofX86(0x07));
  }

  @Test
  void opensWithAtLeastOneThreadAndClosesTwice() {
    OneDnnBackendProvider provider = new OneDnnBackendProvider();
    assertThrows(IllegalArgumentException.class, () -> provider.open(0));
    Backend backend = provider.open(1);
    backend.close();
    backend.close();
  }
}
