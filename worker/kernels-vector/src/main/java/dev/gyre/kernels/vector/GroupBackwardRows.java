package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#routeGroupsBackward}. Only the few chosen experts compute. */
final class GroupBackwardRows extends RowKernel {
  private Tensor scores = NONE;
  private Tensor indices = NONE;
  private boolean renormalise;
  private float scale;
  private Tensor dWeights = NONE;
  private Tensor dLogits = NONE;

  GroupBackwardRows(RowThreads threads) {
    super(threads);
  }

  void run(
      Tensor scores,
      Tensor indices,
      boolean renormalise,
      float scale,
      Tensor dWeights,
      Tensor dLogits) {
    this.scores = scores;
    this.indices = indices;
    this.renormalise = renormalise;
    this.scale = scale;
    this.dWeights = dWeights;
    this.dLogits = dLogits;
    over(scores.dim(0), 1, scores);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor scores = this.scores;
    Tensor indices = this.indices;
    Tensor dWeights = this.dWeights;
    Tensor dLogits = this.dLogits;
    int experts = Math.toIntExact(scores.dim(1));
    int k = Math.toIntExact(indices.dim(1));
    for (long t = first; t < end; t++) {
      long s = scores.address() + 4 * t * experts;
      long dz = dLogits.address() + 4 * t * experts;
      long dw = dWeights.address() + 4 * t * k;
      float sum = 1e-20f;
      float dot = 0;
      for (int j = 0; j < k; j++) {
        float score = Simd.get(s + 4L * Simd.index(indices, t * k + j));
        sum += score;
        dot += score * Simd.get(dw + 4L * j);
      }
      float factor = renormalise ? scale / sum : scale;
      float shared = renormalise ? dot / sum : 0f;
      VectorMove.fill(dz, experts, 0);
      for (int j = 0; j < k; j++) {
        long at = 4L * Simd.index(indices, t * k + j);
        float score = Simd.get(s + at);
        float dScore = factor * (Simd.get(dw + 4L * j) - shared);
        Simd.set(dz + at, dScore * score * (1f - score));
      }
    }
  }
}
