package dev.gyre.kernels.vector;

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
    long lanes = scratch.reserve(Scratch.bytes(Simd.LANES) + Scratch.bytes(k));
    long best = lanes + Scratch.bytes(Simd.LANES);
    for (long t = first; t < end; t++) {
      long z = logits.address() + 4 * t * experts;
      long p = probs.address() + 4 * t * experts;
      float max = VectorMove.max(z, experts);
      float sum = VectorRows.exp(z, p, experts, 1, max, lanes);
      VectorMove.scale(1 / sum, p, p, experts);
      Simd.set(lse.address() + 4 * t, (float) (max + StrictMath.log(sum)));
      long chosen = indices.address() + 4 * t * k;
      int found = 0;
      for (int e = 0; e < experts; e++) {
        found = Largest.insert(Simd.get(z + 4L * e), e, best, chosen, found, k);
      }
      if (renormalise) {
        writeWeights(z, max, chosen, weights.address() + 4 * t * k, k);
      } else {
        copyWeights(p, chosen, weights.address() + 4 * t * k, k);
      }
    }
  }

  private static void copyWeights(long probs, long chosen, long weights, int k) {
    for (int j = 0; j < k; j++) {
      int expert = Largest.index(chosen, j);
      Simd.set(weights + 4L * j, Simd.get(probs + 4L * expert));
    }
  }

  private static void writeWeights(long z, float max, long chosen, long weights, int k) {
    float sum = 0;
    for (int j = 0; j < k; j++) {
      int expert = Largest.index(chosen, j);
      float e = VectorRows.exp(Simd.get(z + 4L * expert) - max);
      Simd.set(weights + 4L * j, e);
      sum += e;
    }
    for (int j = 0; j < k; j++) {
      Simd.set(weights + 4L * j, Simd.get(weights + 4L * j) / sum);
    }
  }
}
