package dev.gyre.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.gyre.kernels.Tensor;

/**
 * {@link dev.gyre.kernels.Kernels#routeTopK}. Rows are a few experts wide, so only exp is
 * vectorised.
 */
final class TopKRows extends RowKernel {
  private Tensor logits = NONE;
  private boolean renormalise;
  private Tensor probs = NONE;
  private Tensor lse = NONE;
  private Tensor indices = NONE;
  private Tensor weights = NONE;

  TopKRows(RowThreads threads) {
    super(threads);
  }

  void run(
      Tensor logits,
      boolean renormalise,
      Tensor probs,
      Tensor lse,
      Tensor indices,
      Tensor weights) {
    this.logits = logits;
    this.renormalise = renormalise;
    this.probs = probs;
    this.lse = lse;
    this.indices = indices;
    this.weights = weights;
    over(logits.dim(0), 1, logits);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor logits = this.logits;
    Tensor probs = this.probs;
    Tensor lse = this.lse;
    Tensor indices = this.indices;
    Tensor weights = this.weights;
    int experts = Math.toIntExact(logits.dim(1));
    int k = Math.toIntExact(indices.dim(1));
    long lanes = scratch.reserve(Scratch.bytes(Simd.LANES));
    for (long t = first; t < end; t++) {
      long z = logits.address() + 4 * t * experts;
      long p = probs.address() + 4 * t * experts;
      float max = VectorMove.max(z, experts);
      float sum = VectorRows.exp(z, p, experts, 1, max, lanes);
      VectorMove.scale(1 / sum, p, p, experts);
      Simd.set(lse.address() + 4 * t, (float) (max + StrictMath.log(sum)));
      long chosen = indices.address() + 4 * t * k;
      choose(z, experts, chosen, k);
      if (renormalise) {
        writeWeights(z, max, chosen, weights.address() + 4 * t * k, k);
      } else {
        copyWeights(p, chosen, weights.address() + 4 * t * k, k);
      }
    }
  }

  /**
   * Selects the k largest, best first; the lower index wins a tie. Makes k passes over the short
   * row.
   */
  private static void choose(long z, int experts, long chosen, int k) {
    for (int j = 0; j < k; j++) {
      int best = -1;
      for (int e = 0; e < experts; e++) {
        if (!isChosen(chosen, j, e)
            && (best < 0 || Simd.get(z + 4L * e) > Simd.get(z + 4L * best))) {
          best = e;
        }
      }
      Simd.ALL.set(JAVA_INT_UNALIGNED, chosen + 4L * j, best);
    }
  }

  private static boolean isChosen(long chosen, int count, int expert) {
    for (int j = 0; j < count; j++) {
      if (Simd.ALL.get(JAVA_INT_UNALIGNED, chosen + 4L * j) == expert) {
        return true;
      }
    }
    return false;
  }

  private static void copyWeights(long probs, long chosen, long weights, int k) {
    for (int j = 0; j < k; j++) {
      int expert = Simd.ALL.get(JAVA_INT_UNALIGNED, chosen + 4L * j);
      Simd.set(weights + 4L * j, Simd.get(probs + 4L * expert));
    }
  }

  private static void writeWeights(long z, float max, long chosen, long weights, int k) {
    float sum = 0;
    for (int j = 0; j < k; j++) {
      int expert = Simd.ALL.get(JAVA_INT_UNALIGNED, chosen + 4L * j);
      float e = VectorRows.exp(Simd.get(z + 4L * expert) - max);
      Simd.set(weights + 4L * j, e);
      sum += e;
    }
    for (int j = 0; j < k; j++) {
      Simd.set(weights + 4L * j, Simd.get(weights + 4L * j) / sum);
    }
  }
}
