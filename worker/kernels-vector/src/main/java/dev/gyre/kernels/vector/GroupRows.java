package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/**
 * {@link dev.gyre.kernels.Kernels#routeGroups}. Rows are a few hundred experts wide: sigmoids are
 * vectorised, and the largest are found in one pass, which few values interrupt.
 */
final class GroupRows extends RowKernel {
  private Tensor logits = NONE;
  private Tensor bias = NONE;
  private int groups;
  private int chosenGroups;
  private boolean renormalise;
  private float scale;
  private Tensor scores = NONE;
  private Tensor indices = NONE;
  private Tensor weights = NONE;

  GroupRows(RowThreads threads) {
    super(threads);
  }

  void run(
      Tensor logits,
      Tensor bias,
      int groups,
      int chosenGroups,
      boolean renormalise,
      float scale,
      Tensor scores,
      Tensor indices,
      Tensor weights) {
    this.logits = logits;
    this.bias = bias;
    this.groups = groups;
    this.chosenGroups = chosenGroups;
    this.renormalise = renormalise;
    this.scale = scale;
    this.scores = scores;
    this.indices = indices;
    this.weights = weights;
    over(logits.dim(0), 1, logits);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor logits = this.logits;
    Tensor bias = this.bias;
    Tensor scores = this.scores;
    Tensor indices = this.indices;
    Tensor weights = this.weights;
    int experts = Math.toIntExact(logits.dim(1));
    int k = Math.toIntExact(indices.dim(1));
    long lanes =
        scratch.reserve(
            Scratch.bytes(Simd.LANES)
                + Scratch.bytes(experts)
                + Scratch.bytes(Math.max(k, chosenGroups))
                + Scratch.bytes(chosenGroups));
    long choices = lanes + Scratch.bytes(Simd.LANES);
    long best = choices + Scratch.bytes(experts);
    long kept = best + Scratch.bytes(Math.max(k, chosenGroups));
    for (long t = first; t < end; t++) {
      long row = scores.address() + 4 * t * experts;
      VectorRows.sigmoid(logits.address() + 4 * t * experts, row, experts, lanes);
      VectorMove.copy(row, choices, experts);
      VectorMove.add(bias.address(), choices, experts);
      long chosen = indices.address() + 4 * t * k;
      keepGroups(choices, experts / groups, best, kept);
      chooseExperts(choices, experts / groups, best, kept, chosen, k);
      writeWeights(row, chosen, weights.address() + 4 * t * k, k);
    }
  }

  private void keepGroups(long choices, int size, long best, long kept) {
    int found = 0;
    for (int g = 0; g < groups; g++) {
      float value = sumOfTwoLargest(choices + 4L * g * size, size);
      found = Largest.insert(value, g, best, kept, found, chosenGroups);
    }
  }

  /** Groups in ascending order, so that the lower expert wins a tie. */
  private void chooseExperts(long choices, int size, long best, long kept, long chosen, int k) {
    int found = 0;
    for (int g = 0; g < groups; g++) {
      if (Largest.contains(kept, chosenGroups, g)) {
        for (int e = g * size; e < (g + 1) * size; e++) {
          found = Largest.insert(Simd.get(choices + 4L * e), e, best, chosen, found, k);
        }
      }
    }
  }

  private static float sumOfTwoLargest(long values, int count) {
    float first = Float.NEGATIVE_INFINITY;
    float second = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < count; i++) {
      float value = Simd.get(values + 4L * i);
      if (value > first) {
        second = first;
        first = value;
      } else if (value > second) {
        second = value;
      }
    }
    return count == 1 ? first : first + second;
  }

  private void writeWeights(long scores, long chosen, long weights, int k) {
    float sum = 1e-20f;
    for (int j = 0; j < k; j++) {
      sum += Simd.get(scores + 4L * Largest.index(chosen, j));
    }
    float divisor = renormalise ? sum : 1f;
    for (int j = 0; j < k; j++) {
      float score = Simd.get(scores + 4L * Largest.index(chosen, j));
      Simd.set(weights + 4L * j, score / divisor * scale);
    }
  }
}
