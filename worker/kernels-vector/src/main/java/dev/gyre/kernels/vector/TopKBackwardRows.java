package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#routeTopKBackward}. */
final class TopKBackwardRows extends RowKernel {
  private Tensor probs = NONE;
  private Tensor lse = NONE;
  private Tensor indices = NONE;
  private Tensor weights = NONE;
  private boolean renormalise;
  private Tensor dWeights = NONE;
  private Tensor probsGrad = NONE;
  private float zGrad;
  private Tensor dLogits = NONE;

  TopKBackwardRows(RowThreads threads) {
    super(threads);
  }

  void run(
      Tensor probs,
      Tensor lse,
      Tensor indices,
      Tensor weights,
      boolean renormalise,
      Tensor dWeights,
      Tensor probsGrad,
      float zGrad,
      Tensor dLogits) {
    this.probs = probs;
    this.lse = lse;
    this.indices = indices;
    this.weights = weights;
    this.renormalise = renormalise;
    this.dWeights = dWeights;
    this.probsGrad = probsGrad;
    this.zGrad = zGrad;
    this.dLogits = dLogits;
    over(probs.dim(0), 1, probs);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor probs = this.probs;
    Tensor lse = this.lse;
    Tensor indices = this.indices;
    Tensor weights = this.weights;
    Tensor dWeights = this.dWeights;
    Tensor probsGrad = this.probsGrad;
    Tensor dLogits = this.dLogits;
    int experts = Math.toIntExact(probs.dim(1));
    int k = Math.toIntExact(indices.dim(1));
    long g = probsGrad.address();
    for (long t = first; t < end; t++) {
      long p = probs.address() + 4 * t * experts;
      long dz = dLogits.address() + 4 * t * experts;
      long w = weights.address() + 4 * t * k;
      long dw = dWeights.address() + 4 * t * k;
      float weighted = dot(w, dw, k);
      float shared = zGrad * Simd.get(lse.address() + 4 * t) - dot(p, g, experts);
      if (!renormalise) {
        shared -= weighted; // the weights are probs, so their softmax is over all experts
        weighted = 0;
      }
      for (int e = 0; e < experts; e++) {
        Simd.set(dz + 4L * e, Simd.get(p + 4L * e) * (Simd.get(g + 4L * e) + shared));
      }
      for (int j = 0; j < k; j++) {
        long at = dz + 4L * Simd.index(indices, t * k + j);
        float d = Simd.get(w + 4L * j) * (Simd.get(dw + 4L * j) - weighted);
        Simd.set(at, Simd.get(at) + d);
      }
    }
  }

  /** Scalar code, because rows are only a few experts wide. */
  private static float dot(long a, long b, int count) {
    float sum = 0;
    for (int i = 0; i < count; i++) {
      sum += Simd.get(a + 4L * i) * Simd.get(b + 4L * i);
    }
    return sum;
  }
}
