package dev.gyre.kernels.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.DecayPattern;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

/** The cost per token does not depend on the row's length. */
final class LightningAttentionTest {
  private static final int SIZE = 16;

  /** Counts multiply-adds without computing them. */
  private static final class Counted implements Products {
    long multiplyAdds;

    @Override
    public void multiply(
        int flags, int m, int n, int k, long a, int lda, long b, int ldb, long c, int ldc) {
      multiplyAdds += (long) m * n * k;
    }
  }

  private record Cost(double forward, double backward, double state, long bytes) {}

  private static Cost perToken(int tokens) {
    try (Arena arena = Arena.ofConfined()) {
      Counted counted = new Counted();
      long[] asked = new long[1];
      LightningAttention lightning =
          new LightningAttention(
              bytes -> {
                asked[0] = Math.max(asked[0], bytes);
                return arena.allocate(bytes, 64).address();
              },
              counted);
      DecayPattern pattern =
          new DecayPattern(new int[] {0}, new float[] {0.1f}, new int[] {0, tokens / 2});
      Tensor x = Tensors.zeros(arena, DType.F32, tokens, 1, SIZE);
      Tensor y = Tensors.zeros(arena, DType.F32, tokens, 1, SIZE);
      Tensor state = Tensors.zeros(arena, DType.F32, 1, SIZE, SIZE);
      lightning.linearAttention(x, x, x, pattern, state, y);
      double forward = counted.multiplyAdds / (double) tokens;
      counted.multiplyAdds = 0;
      lightning.linearAttentionBackward(x, x, x, pattern, state, x, state, y, y, y);
      double backward = counted.multiplyAdds / (double) tokens;
      counted.multiplyAdds = 0;
      lightning.linearAttentionState(x, x, pattern, false, state);
      return new Cost(forward, backward, 2 * counted.multiplyAdds / (double) tokens, asked[0]);
    }
  }

  @Test
  void workPerTokenAndMemoryDoNotGrow() {
    Cost shorter = perToken(4096);
    Cost longer = perToken(65536);
    assertEquals(shorter.forward, longer.forward, 1e-9);
    assertEquals(shorter.backward, longer.backward, 1e-9);
    assertEquals(shorter.state, longer.state, 1e-9);
    assertEquals(shorter.bytes, longer.bytes);
    double tile = LightningAttention.TILE;
    assertEquals(2 * tile * SIZE + 2 * SIZE * SIZE, shorter.forward, 1e-9);
    assertEquals(5 * tile * SIZE + 5 * SIZE * SIZE, shorter.backward, 1e-9);
    assertEquals(SIZE * SIZE, shorter.state, 1e-9, "only the last document, half a row");
  }

  @Test
  void documentsOfOneTokenStillCostLittle() {
    Counted counted = new Counted();
    try (Arena arena = Arena.ofConfined()) {
      LightningAttention lightning =
          new LightningAttention(bytes -> arena.allocate(bytes, 64).address(), counted);
      int[] starts = new int[100];
      for (int i = 0; i < starts.length; i++) {
        starts[i] = i;
      }
      DecayPattern pattern = new DecayPattern(new int[] {0}, new float[] {0.1f}, starts);
      Tensor x = Tensors.zeros(arena, DType.F32, 100, 1, SIZE);
      Tensor state = Tensors.zeros(arena, DType.F32, 1, SIZE, SIZE);
      lightning.linearAttention(x, x, x, pattern, state, x);
    }
    assertTrue(counted.multiplyAdds <= 100L * (2 * SIZE * SIZE + 2 * SIZE));
  }
}
