package dev.gyre.kernels.onednn;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.DecayPattern;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import dev.gyre.kernels.vector.VectorBackendProvider;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.function.Supplier;

/**
 * CPU time of linear attention in nanoseconds per token and head, at 4,096 and at 65,536 tokens.
 * Not a test: run its {@code main} with the test class path and the project's JVM flags.
 */
public final class LightningBenchmark {
  private static final ThreadMXBean CPU = ManagementFactory.getThreadMXBean();
  private static final int ROUNDS = 5;

  private LightningBenchmark() {}

  /** Prints one line per backend, dtype and length: forward, backward. */
  public static void main(String[] args) {
    measure("onednn", () -> new OneDnnBackendProvider().open(1));
    measure("vector", () -> new VectorBackendProvider().open(1));
  }

  private static void measure(String name, Supplier<Backend> open) {
    try (Backend backend = open.get()) {
      for (DType dtype : new DType[] {DType.BF16, DType.F32}) {
        for (int tokens : new int[] {4096, 65536}) {
          line(name, backend.kernels(), dtype, tokens);
        }
      }
    }
  }

  private static void line(String name, Kernels kernels, DType dtype, int tokens) {
    int heads = 4;
    int size = 64;
    try (Arena arena = Arena.ofConfined()) {
      DecayPattern pattern =
          new DecayPattern(
              new int[] {0, 0, 1, 1}, new float[] {0.25f, 0.06f, 0.016f, 4e-3f}, new int[] {0});
      Tensor q = Tensors.zeros(arena, dtype, tokens, heads, size);
      Tensor k = Tensors.zeros(arena, dtype, tokens, 2, size);
      Tensor v = Tensors.zeros(arena, dtype, tokens, 2, size);
      Tensor out = Tensors.zeros(arena, dtype, tokens, heads, size);
      Tensor state = Tensors.zeros(arena, DType.F32, heads, size, size);
      Tensor dState = Tensors.zeros(arena, DType.F32, heads, size, size);
      Tensor dq = Tensors.zeros(arena, DType.F32, tokens, heads, size);
      Tensor dk = Tensors.zeros(arena, DType.F32, tokens, 2, size);
      Tensor dv = Tensors.zeros(arena, DType.F32, tokens, 2, size);
      kernels.fill(q, 0.5f);
      kernels.fill(k, 0.25f);
      kernels.fill(v, 0.125f);
      double each = (double) tokens * heads;
      double forward = best(() -> kernels.linearAttention(q, k, v, pattern, state, out)) / each;
      double backward =
          best(
                  () ->
                      kernels.linearAttentionBackward(
                          q, k, v, pattern, state, q, dState, dq, dk, dv))
              / each;
      System.out.printf(
          "%s %s T=%d D=%d: forward %.0f ns, backward %.0f ns a token and head%n",
          name, dtype, tokens, size, forward, backward);
    }
  }

  private static double best(Runnable work) {
    long best = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS; round++) {
      long began = CPU.getCurrentThreadCpuTime();
      work.run();
      best = Math.min(best, CPU.getCurrentThreadCpuTime() - began);
    }
    return best;
  }
}
