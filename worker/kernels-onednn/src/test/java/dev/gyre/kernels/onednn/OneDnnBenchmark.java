package dev.gyre.kernels.onednn;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Random;

/**
 * Rates of matrix products and attention on one core, the best of several rounds by the thread's
 * CPU time, so that a busy machine has little effect. Not a test: run its {@code main} with the
 * test class path and the project's JVM flags; an argument selects lines by name.
 */
public final class OneDnnBenchmark {
  private static final long ROUND_NANOS = 2_000_000_000L;
  private static final ThreadMXBean CPU = ManagementFactory.getThreadMXBean();

  private final Kernels kernels;
  private final Arena arena = Arena.ofShared();
  private final Random random = new Random(1);

  private final String filter;

  private OneDnnBenchmark(Kernels kernels, String filter) {
    this.kernels = kernels;
    this.filter = filter;
  }

  /** Prints one line per kernel and shape: name, best microseconds, GFLOP/s. */
  public static void main(String[] args) {
    OneDnnBackendProvider provider = new OneDnnBackendProvider();
    if (!(provider.probe() instanceof BackendProbe.Available cpu)) {
      throw new IllegalStateException("oneDNN is not available here");
    }
    System.out.println(cpu);
    try (Backend backend = provider.open(1)) {
      OneDnnBenchmark benchmark = new OneDnnBenchmark(backend.kernels(), String.join(" ", args));
      for (DType dtype : new DType[] {DType.BF16, DType.F32}) {
        benchmark.attention(dtype, 4096, 8, 8, 64);
        benchmark.attention(dtype, 16384, 1, 1, 64);
        benchmark.attention(dtype, 4096, 8, 4, 32);
        benchmark.attention(dtype, 2048, 4, 4, 128);
        benchmark.documents(dtype, 4096, 12, 8, 32);
        benchmark.linear(dtype, 4096, 1024, 1024);
        benchmark.linear(dtype, 4096, 256, 256);
        benchmark.linear(dtype, 4096, 1024, 128);
        benchmark.linear(dtype, 813, 256, 512);
      }
    }
  }

  private Tensor tensor(DType dtype, long... dims) {
    Tensor t = new Tensor(0, dtype, dims);
    t = Tensor.of(arena.allocate(t.byteSize(), 64), dtype, dims);
    for (long i = 0; i < t.elements(); i++) {
      int bits = Float.floatToIntBits((float) random.nextGaussian());
      if (dtype == DType.BF16) {
        t.segment().setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (bits >> 16));
      } else {
        t.segment().setAtIndex(ValueLayout.JAVA_INT, i, bits);
      }
    }
    return t;
  }

  private void report(String name, double flops, Runnable work) {
    if (!name.contains(filter)) {
      return;
    }
    long warm = System.nanoTime() + ROUND_NANOS;
    do {
      work.run();
    } while (System.nanoTime() < warm);
    long best = Long.MAX_VALUE;
    long until = System.nanoTime() + ROUND_NANOS;
    do {
      long start = CPU.getCurrentThreadCpuTime();
      work.run();
      best = Math.min(best, CPU.getCurrentThreadCpuTime() - start);
    } while (System.nanoTime() < until);
    System.out.printf("%-46s %9d us %7.1f GFLOP/s%n", name, best / 1000, flops / (double) best);
  }

  private void linear(DType dtype, int rows, int in, int out) {
    Tensor x = tensor(dtype, rows, in);
    Tensor w = tensor(dtype, out, in);
    Tensor y = tensor(dtype, rows, out);
    Tensor yF32 = tensor(DType.F32, rows, out);
    Tensor dw = tensor(DType.F32, out, in);
    double flops = 2.0 * rows * in * out;
    String shape = " %s %d×%d→%d".formatted(dtype, rows, in, out);
    report("linear" + shape, flops, () -> kernels.linear(x, w, y, false));
    report("linear to F32, +=" + shape, flops, () -> kernels.linear(x, w, yF32, true));
    report("backwardInput" + shape, flops, () -> kernels.linearBackwardInput(y, w, x, false));
    report("backwardWeight" + shape, flops, () -> kernels.linearBackwardWeight(y, x, dw));
  }

  private void attention(DType dtype, int tokens, int heads, int kvHeads, int size) {
    AttentionTiles causal =
        new AttentionTiles.Builder().add(0, tokens, 0, tokens, 0, AttentionTiles.UNLIMITED).build();
    double pairs = tokens * (tokens + 1.0) / 2;
    String shape = " %s N=%d H=%d/%d D=%d".formatted(dtype, tokens, heads, kvHeads, size);
    attention(shape, dtype, tokens, heads, kvHeads, size, causal, pairs);
  }

  private void documents(DType dtype, int tokens, int length, int heads, int size) {
    AttentionTiles.Builder tiles = new AttentionTiles.Builder();
    for (int t = 0; t + length <= tokens; t += length) {
      tiles.add(t, length, t, length, 0, AttentionTiles.UNLIMITED);
    }
    double pairs = (double) tokens / length * length * (length + 1) / 2;
    String shape = " %s N=%d documents of %d H=%d".formatted(dtype, tokens, length, heads);
    attention(shape, dtype, tokens, heads, heads, size, tiles.build(), pairs);
  }

  private void attention(
      String shape,
      DType dtype,
      int tokens,
      int heads,
      int kvHeads,
      int size,
      AttentionTiles tiles,
      double pairs) {
    Tensor q = tensor(dtype, tokens, heads, size);
    Tensor k = tensor(dtype, tokens, kvHeads, size);
    Tensor v = tensor(dtype, tokens, kvHeads, size);
    Tensor out = tensor(DType.F32, tokens, heads, size);
    Tensor lse = tensor(DType.F32, tokens, heads);
    Tensor dOut = tensor(dtype, tokens, heads, size);
    Tensor delta = tensor(DType.F32, tokens, heads);
    Tensor dq = tensor(DType.F32, tokens, heads, size);
    Tensor dk = tensor(DType.F32, tokens, kvHeads, size);
    Tensor dv = tensor(DType.F32, tokens, kvHeads, size);
    int[] kvHeadOf = new int[heads];
    for (int h = 0; h < heads; h++) {
      kvHeadOf[h] = h * kvHeads / heads;
    }
    float scale = (float) (1 / Math.sqrt(size));
    double forward = 4.0 * pairs * size * heads;
    report(
        "attention" + shape,
        forward,
        () -> {
          kernels.fill(lse, Float.NEGATIVE_INFINITY);
          kernels.attention(q, k, v, kvHeadOf, tiles, scale, out, lse);
        });
    report(
        "attentionBackward" + shape,
        2.5 * forward,
        () ->
            kernels.attentionBackward(
                q, k, v, kvHeadOf, tiles, scale, dOut, lse, delta, dq, dk, dv));
  }
}
