package dev.gyre.kernels.vector;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Tensor;

/**
 * The attention kernels in blocks over any {@link Products}, on one or more threads.
 *
 * <p>Forward, a unit of work is one head's run of {@link BlockWalk#RUN} queries; backward it is one
 * key/value head with all its query heads, so that no two threads accumulate into the same
 * gradient. Units do not depend on the number of threads, so neither do the bits of the results.
 * With fewer key/value heads than threads, the backward pass leaves threads idle.
 */
final class FlashAttention implements AutoCloseable {
  /** With a smaller scale, no f32 score is low enough to mask a pair. */
  private static final float LEAST_SCALE = 1e-30f;

  private final KernelThreads threads;
  private final FlashForward[] forward;
  private final FlashBackward[] backward;
  private final AttentionCall call = new AttentionCall();
  private final KernelThreads.Work forwardUnit = this::forwardUnit;
  private final KernelThreads.Work backwardUnit = this::backwardUnit;
  private int runs;

  /**
   * @param products one for each thread
   */
  FlashAttention(KernelThreads threads, Products[] products) {
    this.threads = threads;
    forward = new FlashForward[threads.count()];
    backward = new FlashBackward[threads.count()];
    for (int i = 0; i < forward.length; i++) {
      forward[i] = new FlashForward(products[i]);
      backward[i] = new FlashBackward(products[i]);
    }
  }

  /**
   * Whether the blocks can compute the call. They mask pairs with a low score before scaling, which
   * needs a scale above 0, and products need at least one element to sum over.
   */
  static boolean takes(Tensor q, float scale) {
    return scale >= LEAST_SCALE && q.dim(2) > 0;
  }

  /** {@link dev.gyre.kernels.Kernels#attention}, for what {@link #takes} allows. */
  void forward(
      Tensor q,
      Tensor k,
      Tensor v,
      int[] kvHeadOf,
      AttentionTiles tiles,
      float scale,
      Tensor out,
      Tensor lse) {
    call.set(q, k, v, kvHeadOf, tiles, scale);
    call.out = out.address();
    call.lse = lse.address();
    runs = Math.toIntExact((q.dim(0) + BlockWalk.RUN - 1) / BlockWalk.RUN);
    threads.run(Math.multiplyExact(runs, call.heads), forwardUnit);
  }

  /**
   * Later runs first: with a causal mask they are larger, so threads finish at about the same time.
   */
  private void forwardUnit(int unit, int worker) {
    forward[worker].run(call, unit / runs, runs - 1 - unit % runs);
  }

  /** {@link dev.gyre.kernels.Kernels#attentionBackward}, for what {@link #takes} allows. */
  void backward(
      Tensor q,
      Tensor k,
      Tensor v,
      int[] kvHeadOf,
      AttentionTiles tiles,
      float scale,
      Tensor dOut,
      Tensor lse,
      Tensor delta,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    call.set(q, k, v, kvHeadOf, tiles, scale);
    call.dOut = dOut.address();
    call.lse = lse.address();
    call.delta = delta.address();
    call.dq = dq.address();
    call.dk = dk.address();
    call.dv = dv.address();
    threads.run(Math.toIntExact(k.dim(1)), backwardUnit);
  }

  private void backwardUnit(int unit, int worker) {
    backward[worker].run(call, unit);
  }

  /** {@link dev.gyre.kernels.Kernels#attentionMerge}. */
  static void merge(Tensor outB, Tensor lseB, Tensor out, Tensor lse) {
    int size = Math.toIntExact(out.dim(2));
    for (long row = 0; row < lse.elements(); row++) {
      float partLse = Simd.get(lseB.address() + 4L * row);
      if (partLse != Float.NEGATIVE_INFINITY) {
        long at = row * size * Float.BYTES;
        FlashForward.join(
            outB.address() + at, size, partLse, 1, out.address() + at, lse.address(), row);
      }
    }
  }

  @Override
  public void close() {
    for (int i = 0; i < forward.length; i++) {
      forward[i].close();
      backward[i].close();
    }
  }
}
