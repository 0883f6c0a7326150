package dev.gyre.kernels.vector;

import static dev.gyre.kernels.AttentionTiles.UNLIMITED;

import com.sun.management.ThreadMXBean;
import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.Random;

/**
 * Calls kernels until the JVM has compiled them and prints, for each, the fewest bytes that a
 * hundred calls in a row allocated. Started in a new JVM by {@link AllocationTest}.
 */
final class AllocationProbe {
  private static final int CALLS = 100;
  private static final long DEADLINE_NANOS = 40_000_000_000L;
  private static final int[] ONE_HEAD = {0};

  private final Kernels kernels;
  private final Arena arena;
  private final Random random = new Random(2);
  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private AllocationProbe(Kernels kernels, Arena arena) {
    this.kernels = kernels;
    this.arena = arena;
  }

  /** The arguments name the compute dtype and the kernel threads. */
  public static void main(String[] arguments) {
    DType dtype = DType.valueOf(arguments[0]);
    int threads = Integer.parseInt(arguments[1]);
    // With several threads, tensors large enough to be split: half a megabyte and more.
    int scale = threads == 1 ? 1 : 600;
    try (Backend backend = new VectorBackendProvider().open(threads);
        Arena arena = Arena.ofShared()) {
      AllocationProbe probe = new AllocationProbe(backend.kernels(), arena);
      probe.matrices(dtype);
      probe.attention(dtype);
      probe.rows(dtype, 20 * scale);
      probe.optimizer(777 * scale);
    }
  }

  private Tensor normal(DType dtype, long... dims) {
    float[] values = new float[(int) new Tensor(0, dtype, dims).elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensors.of(arena, dtype, values, dims);
  }

  private void print(String kernel, Runnable call) {
    long least = Long.MAX_VALUE;
    long deadline = System.nanoTime() + DEADLINE_NANOS;
    while (least > 0 && System.nanoTime() < deadline) {
      long before = threads.getTotalThreadAllocatedBytes();
      for (int i = 0; i < CALLS; i++) {
        call.run();
      }
      least = Math.min(least, threads.getTotalThreadAllocatedBytes() - before);
    }
    System.out.println(kernel + " " + least);
  }

  private void matrices(DType dtype) {
    Tensor x = normal(dtype, 30, 64);
    Tensor w = normal(dtype, 2, 32, 64);
    Tensor y = normal(dtype, 30, 32);
    Tensor dw = normal(DType.F32, 2, 32, 64);
    int[] offsets = {0, 11, 30};
    Tensor first = w.get(0);
    Tensor dFirst = dw.get(0);
    print(
        "linear",
        () -> {
          kernels.linear(x, first, y, false);
          kernels.linearBackwardInput(y, first, x, false);
          kernels.linearBackwardWeight(y, x, dFirst);
          kernels.scale(dFirst, 0);
        });
    print(
        "grouped",
        () -> {
          kernels.groupedLinear(x, w, offsets, y);
          kernels.groupedLinearBackwardInput(y, w, offsets, x);
          kernels.groupedLinearBackwardWeight(y, x, offsets, dw);
          kernels.scale(dw, 0);
        });
  }

  private void attention(DType dtype) {
    int n = 40;
    Tensor q = normal(dtype, n, 1, 16);
    Tensor out = normal(DType.F32, n, 1, 16);
    Tensor lse = normal(DType.F32, n, 1);
    Tensor delta = normal(DType.F32, n, 1);
    Tensor dq = normal(DType.F32, n, 1, 16);
    AttentionTiles tiles = new AttentionTiles.Builder().add(0, n, 0, n, 0, UNLIMITED).build();
    print(
        "attention",
        () -> {
          kernels.fill(lse, Float.NEGATIVE_INFINITY);
          kernels.attention(q, q, q, ONE_HEAD, tiles, 0.25f, out, lse);
          kernels.attentionMerge(out, lse, out, lse);
        });
    print(
        "attentionBackward",
        () -> {
          kernels.attentionDelta(out, q, delta);
          kernels.attentionBackward(q, q, q, ONE_HEAD, tiles, 0.25f, q, lse, delta, dq, dq, dq);
          kernels.scale(dq, 0);
        });
  }

  private void rows(DType dtype, int n) {
    Tensor x = normal(dtype, n, 48);
    Tensor y = normal(dtype, n, 48);
    Tensor weight = normal(DType.F32, 48);
    Tensor rstd = normal(DType.F32, n);
    Tensor dx = normal(DType.F32, n, 48);
    Tensor dWeight = normal(DType.F32, 48);
    print(
        "rmsNorm",
        () -> {
          kernels.rmsNorm(x, weight, 1e-5f, y, rstd);
          kernels.rmsNormBackward(y, x, weight, rstd, dx, dWeight);
        });
    Tensor gateUp = normal(dtype, n, 96);
    Tensor dGateUp = normal(dtype, n, 96);
    print(
        "swiglu",
        () -> {
          kernels.swiglu(gateUp, y);
          kernels.swigluBackward(y, gateUp, dGateUp);
          kernels.silu(gateUp, dGateUp);
          kernels.siluBackward(gateUp, dGateUp, gateUp);
          kernels.add(x, y);
        });
    Tensor heads = normal(dtype, n, 3, 16);
    Tensor table = normal(DType.F32, n, 2, 8);
    print("rope", () -> kernels.rope(heads, table, false));
    print(
        "biases and clamps",
        () -> {
          kernels.addBias(x, weight);
          kernels.addBiasBackward(x, dWeight);
          kernels.clamp(x, 1, y);
          kernels.clampBackward(dx, y, 1, dx);
          kernels.swigluClamped(dGateUp, 1.702f, 7, y);
          kernels.swigluClampedBackward(x, gateUp, 1.702f, 7, dGateUp);
        });
    Tensor outs = normal(DType.F32, n, 3, 16);
    Tensor lses = normal(DType.F32, n, 3);
    Tensor sinks = normal(DType.F32, 3);
    Tensor dSinks = normal(DType.F32, 3);
    Tensor tails = normal(DType.F32, n, 2, 5);
    print(
        "parts of rows",
        () -> {
          kernels.copyColumns(x, 8, y, 16, 24, false);
          kernels.copyColumns(gateUp, 8, dx, 0, 48, true);
          kernels.rope(outs, tails, true);
          kernels.attentionSinks(sinks, outs, lses);
          kernels.attentionSinksBackward(sinks, lses, lses, dSinks);
        });
    Tensor logits = normal(DType.F32, n, 48);
    Tensor labels = Tensors.ofInts(arena, new int[n], n);
    Tensor probs = normal(DType.F32, n, 48);
    Tensor chosen = Tensors.zeros(arena, DType.I32, n, 2);
    Tensor shares = normal(DType.F32, n, 2);
    Tensor slots = Tensors.zeros(arena, DType.I32, n, 2);
    print(
        "router",
        () -> {
          kernels.routeTopK(logits, true, probs, rstd, chosen, shares);
          kernels.routeTopKBackward(
              probs, rstd, chosen, shares, true, shares, weight, 0.1f, logits);
          kernels.combineRows(x, slots, shares, y);
          kernels.combineRowsBackward(y, x, slots, shares, x, shares);
        });
    print(
        "router of groups",
        () -> {
          kernels.routeGroups(logits, weight, 4, 2, true, 1, probs, chosen, shares);
          kernels.routeGroupsBackward(probs, chosen, true, 1, shares, logits);
        });
    print("crossEntropy", () -> kernels.crossEntropy(logits, labels, 0.1f, rstd));
  }

  private void optimizer(int n) {
    Tensor w = normal(DType.F32, n);
    Tensor m = normal(DType.F32, n);
    Tensor v = Tensors.zeros(arena, DType.F32, n);
    Tensor g = normal(DType.F32, n);
    Tensor sum = Tensors.zeros(arena, DType.F64, 1);
    print("adamW", () -> kernels.adamW(w, m, v, g, 1, 0.01f, 0.9f, 0.95f, 1e-8f, 0.1f, 2));
    print("sumSquares", () -> kernels.sumSquares(g, sum));
  }
}
