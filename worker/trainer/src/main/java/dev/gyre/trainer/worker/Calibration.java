package dev.gyre.trainer.worker;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.partitioning.plan.Rates;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Measures what one worker reaches: the rates that plans predict with, and the matmul peak that MFU
 * is a share of. Takes a second or two, most of it compiling the kernels that the first step needs
 * anyway.
 */
public final class Calibration {
  /** 2·1024³ = 2.1 GFLOP: some milliseconds to some tens of them. */
  private static final int MATMUL = 1024;

  /** Causal attention over 1,024 tokens with 2 heads of 64: bearable before it is compiled. */
  private static final int TOKENS = 1024;

  private static final int HEADS = 2;
  private static final int HEAD_DIM = 64;

  /** A message that does not fit the cache twice. */
  private static final int COPY_BYTES = 8 << 20;

  /** So many runs without a better one: the compiler is done, and noise has been outwaited. */
  private static final int NO_BETTER = 4;

  /** Row kernels in Java run a hundred times slower until C2 has compiled them, a second or two. */
  private static final long COMPILE_NANOS = 2_000_000_000L;

  /** No kernel is measured for longer. */
  private static final long LIMIT_NANOS = 3_000_000_000L;

  private Calibration() {}

  public static Rates measure(Backend backend, DType compute) {
    try (Arena arena = Arena.ofConfined()) {
      return new Rates(
          matmul(backend, compute, arena), attention(backend, compute, arena), copy(arena));
    }
  }

  private static long matmul(Backend backend, DType compute, Arena arena) {
    long bytes = 3L * MATMUL * MATMUL * compute.bytes();
    Workspace memory = new Workspace(backend.memory(arena.allocate(bytes, 64)), bytes);
    Tensor x = filled(backend, memory.save(compute, MATMUL, MATMUL));
    Tensor w = filled(backend, memory.save(compute, MATMUL, MATMUL));
    Tensor y = memory.save(compute, MATMUL, MATMUL);
    Kernels kernels = backend.kernels();
    long nanos =
        best(
            0,
            () -> {
              kernels.linear(x, w, y, false);
              backend.synchronize();
            });
    kernels.weightsChanged();
    return perSecond(2L * MATMUL * MATMUL * MATMUL, nanos);
  }

  private static long attention(Backend backend, DType compute, Arena arena) {
    long width = (long) HEADS * HEAD_DIM;
    long bytes = TOKENS * (width * (3L * compute.bytes() + 4) + HEADS * 4L) + 1024;
    Workspace memory = new Workspace(backend.memory(arena.allocate(bytes, 64)), bytes);
    Tensor q = filled(backend, memory.save(compute, TOKENS, HEADS, HEAD_DIM));
    Tensor k = filled(backend, memory.save(compute, TOKENS, HEADS, HEAD_DIM));
    Tensor v = filled(backend, memory.save(compute, TOKENS, HEADS, HEAD_DIM));
    Tensor out = memory.save(DType.F32, TOKENS, HEADS, HEAD_DIM);
    Tensor lse = memory.save(DType.F32, TOKENS, HEADS);
    int[] kvHeadOf = {0, 1};
    AttentionTiles causal =
        new AttentionTiles.Builder().add(0, TOKENS, 0, TOKENS, 0, AttentionTiles.UNLIMITED).build();
    float scale = (float) (1 / Math.sqrt(HEAD_DIM));
    Kernels kernels = backend.kernels();
    long nanos =
        best(
            COMPILE_NANOS,
            () -> {
              kernels.fill(out, 0);
              kernels.fill(lse, Float.NEGATIVE_INFINITY);
              kernels.attention(q, k, v, kvHeadOf, causal, scale, out, lse);
              backend.synchronize();
            });
    return perSecond(2L * TOKENS * TOKENS * width, nanos);
  }

  private static long copy(Arena arena) {
    MemorySegment from = arena.allocate(COPY_BYTES, 64);
    MemorySegment to = arena.allocate(COPY_BYTES, 64);
    return perSecond(COPY_BYTES, best(0, () -> MemorySegment.copy(from, 0, to, 0, COPY_BYTES)));
  }

  private static Tensor filled(Backend backend, Tensor t) {
    backend.kernels().fill(t, 0.5f);
    return t;
  }

  /**
   * Nanoseconds of the fastest run: what the hardware can do once the JIT has compiled it.
   *
   * @param leastNanos time it is given to be compiled in
   */
  private static long best(long leastNanos, Runnable work) {
    long least = Long.MAX_VALUE;
    long start = System.nanoTime();
    long passed = 0;
    int noBetter = 0;
    while ((noBetter < NO_BETTER || passed < leastNanos) && passed < LIMIT_NANOS) {
      long began = System.nanoTime();
      work.run();
      long nanos = System.nanoTime() - began;
      // A percent is noise.
      noBetter = nanos < least - least / 100 ? 0 : noBetter + 1;
      least = Math.min(least, nanos);
      passed = System.nanoTime() - start;
    }
    return least;
  }

  private static long perSecond(long amount, long nanos) {
    return (long) ((double) amount / Math.max(1, nanos) * 1e9);
  }
}
