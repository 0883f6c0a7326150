package dev.gyre.kernels.onednn;

import com.sun.management.ThreadMXBean;
import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import dev.gyre.kernels.vector.HostBackend;
import dev.gyre.kernels.vector.KernelThreads;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.Random;

/**
 * Calls products and attention until the JVM has compiled them, and prints the fewest bytes that a
 * round allocated. Started in a new JVM by {@link OneDnnAllocationTest}.
 */
final class OneDnnAllocationProbe {
  /**
   * The JVM compiles a method that is called once per round after 600 rounds at the earliest, and
   * only then keeps vectors in registers; each round takes about 1 ms.
   */
  private static final int ROUNDS = 20_000;

  private static final int TOKENS = 300;

  private OneDnnAllocationProbe() {}

  public static void main(String[] arguments) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Arena arena = Arena.ofShared();
        Backend backend =
            new HostBackend(
                OneDnnBackendProvider.NAME, new KernelThreads(1), OneDnnProducts.open())) {
      Runnable round = round(backend.kernels(), arena);
      long least = Long.MAX_VALUE;
      for (int i = 0; i < ROUNDS && least > 0; i++) {
        long before = threads.getCurrentThreadAllocatedBytes();
        round.run();
        least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
      }
      System.out.println(least);
    }
  }

  private static Runnable round(Kernels kernels, Arena arena) {
    Tensor q = normal(arena, TOKENS, 2, 32);
    Tensor out = Tensors.zeros(arena, DType.F32, TOKENS, 2, 32);
    Tensor lse = Tensors.zeros(arena, DType.F32, TOKENS, 2);
    Tensor w = normal(arena, 64, 64);
    Tensor y = Tensors.zeros(arena, DType.BF16, TOKENS, 64);
    Tensor dw = Tensors.zeros(arena, DType.F32, 64, 64);
    AttentionTiles.Builder tiles = new AttentionTiles.Builder();
    for (int i = 0; i < TOKENS; i += 30) {
      tiles.add(i, 30, 0, i + 30, -i, AttentionTiles.UNLIMITED);
    }
    AttentionTiles causal = tiles.build();
    int[] kvHeadOf = {0, 1};
    Tensor rows = q.reshape(TOKENS, 64);
    return () -> {
      kernels.attention(q, q, q, kvHeadOf, causal, 0.2f, out, lse);
      kernels.attentionBackward(q, q, q, kvHeadOf, causal, 0.2f, q, lse, lse, out, out, out);
      kernels.linear(rows, w, y, false);
      kernels.linearBackwardWeight(y, rows, dw);
    };
  }

  private static Tensor normal(Arena arena, long... dims) {
    Random random = new Random(7);
    float[] values = new float[(int) new Tensor(0, DType.BF16, dims).elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensors.of(arena, DType.BF16, values, dims);
  }
}
