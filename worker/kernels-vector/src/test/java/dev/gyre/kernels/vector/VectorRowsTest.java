package dev.gyre.kernels.vector;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.HostAccess;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class VectorRowsTest {
  private final Arena arena = Arena.ofShared();
  private final long lanes = Tensors.zeros(arena, DType.F32, Simd.LANES).address();

  @AfterEach
  void free() {
    arena.close();
  }

  private float[] exp(float... x) {
    Tensor t = Tensors.of(arena, x, x.length);
    float _ = VectorRows.exp(t.address(), t.address(), x.length, 1, 0, lanes);
    return Tensors.toFloats(t);
  }

  /** Values across the whole range, in vectors and in the tail. */
  @Test
  void expIsWithinTwoRoundings() {
    int count = 100_003;
    float[] x = new float[count];
    for (int i = 0; i < count; i++) {
      x[i] = -87.3f + 175.6f * i / (count - 1);
    }
    float[] y = exp(x);
    for (int i = 0; i < count; i++) {
      double wanted = StrictMath.exp(x[i]);
      assertEquals(wanted, y[i], 2e-7 * wanted, "exp(" + x[i] + ")");
    }
  }

  @Test
  void expOfExtremes() {
    float[] x = new float[2 * Simd.LANES + 1];
    for (float extreme : new float[] {Float.NEGATIVE_INFINITY, -1e30f, -87.4f}) {
      Arrays.fill(x, extreme);
      assertArrayEquals(new float[x.length], exp(x), "exp(" + extreme + ")");
    }
    for (float extreme : new float[] {Float.POSITIVE_INFINITY, 1e30f, 100}) {
      Arrays.fill(x, extreme);
      for (float y : exp(x)) {
        assertTrue(y > 1e38 && Float.isFinite(y), "exp(" + extreme + ") = " + y);
      }
    }
    for (int nan : new int[] {0x7fc00000, 0xffc00000, 0x7f800001, 0x7fffffff}) {
      Arrays.fill(x, Float.intBitsToFloat(nan));
      for (float y : exp(x)) {
        assertTrue(Float.isNaN(y), "exp(NaN) = " + y);
      }
    }
  }

  /** An element gets the same bits whether a vector or the tail computes it. */
  @Test
  void tailsHaveTheBitsOfVectors() {
    int count = 4 * Simd.LANES;
    Random random = new Random(5);
    float[] gate = new float[count];
    float[] up = new float[count];
    for (int i = 0; i < count; i++) {
      gate[i] = (float) random.nextGaussian() * 5;
      up[i] = (float) random.nextGaussian();
    }
    Tensor g = Tensors.of(arena, gate, count);
    Tensor u = Tensors.of(arena, up, count);
    Tensor scratch = Tensors.zeros(arena, DType.F32, count + Simd.LANES);
    Tensor whole = Tensors.zeros(arena, DType.F32, 3, count);
    Tensor single = Tensors.zeros(arena, DType.F32, 3, count);
    swiglu(g, u, whole, 0, count, count, scratch);
    for (int i = 0; i < count; i++) {
      swiglu(g, u, single, i, 1, count, scratch);
    }
    assertArrayEquals(Tensors.toFloats(whole), Tensors.toFloats(single));
    assertArrayEquals(adamW(gate, up, count), adamW(gate, up, 1));
  }

  /** As rows of one element, all elements are computed by the tail. */
  @Test
  void tailsOfClampsHaveTheBitsOfVectors() {
    int count = 4 * Simd.LANES;
    Random random = new Random(5);
    float[] values = new float[2 * count];
    float[] pairs = new float[2 * count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian() * 5;
      values[count + i] = (float) random.nextGaussian() * 5;
      pairs[2 * i] = values[i];
      pairs[2 * i + 1] = values[count + i];
    }
    try (Backend backend = new VectorBackendProvider().open(1)) {
      for (DType dtype : new DType[] {DType.F32, DType.BF16}) {
        Tensor whole = Tensors.of(arena, dtype, values, 1, 2L * count);
        Tensor single = Tensors.of(arena, dtype, pairs, count, 2);
        Tensor h = Tensors.zeros(arena, dtype, 2, count);
        Tensor dWhole = Tensors.zeros(arena, dtype, 1, 2L * count);
        Tensor dSingle = Tensors.zeros(arena, dtype, count, 2);
        Kernels kernels = backend.kernels();
        kernels.swigluClamped(whole, 1.702f, 6, h.slice(0, 1));
        kernels.swigluClamped(single, 1.702f, 6, h.slice(1, 1).reshape(count, 1));
        float[] both = Tensors.toFloats(h);
        assertArrayEquals(
            Arrays.copyOf(both, count), Arrays.copyOfRange(both, count, 2 * count), "h " + dtype);
        kernels.swigluClampedBackward(h.slice(0, 1), whole, 1.702f, 6, dWhole);
        kernels.swigluClampedBackward(h.slice(1, 1).reshape(count, 1), single, 1.702f, 6, dSingle);
        for (int i = 0; i < count; i++) {
          assertEquals(HostAccess.get(dWhole, i), HostAccess.get(dSingle, 2L * i));
          assertEquals(HostAccess.get(dWhole, count + i), HostAccess.get(dSingle, 2L * i + 1));
        }
      }
    }
  }

  private static void swiglu(
      Tensor g, Tensor u, Tensor results, int from, int count, int stride, Tensor scratch) {
    long gate = F32View.address(g, from);
    long up = F32View.address(u, from);
    long h = F32View.address(results, from);
    long dGate = F32View.address(results, stride + from);
    long dUp = F32View.address(results, 2L * stride + from);
    VectorRows.swiglu(gate, up, h, count, scratch.address());
    VectorRows.swigluBackward(up, gate, up, dGate, dUp, count, scratch.address());
  }

  private float[] adamW(float[] weights, float[] gradients, int run) {
    int count = weights.length;
    Tensor w = Tensors.of(arena, weights, count);
    Tensor m = Tensors.of(arena, gradients, count);
    Tensor v = Tensors.zeros(arena, DType.F32, count);
    Tensor g = Tensors.of(arena, gradients, count);
    for (int i = 0; i < count; i += run) {
      VectorRows.adamW(
          F32View.address(w, i),
          F32View.address(m, i),
          F32View.address(v, i),
          F32View.address(g, i),
          run,
          0.7f,
          0.01f,
          0.9f,
          0.95f,
          1e-8f,
          0.1f,
          5.26f,
          10.3f);
    }
    return Tensors.toFloats(w);
  }
}
