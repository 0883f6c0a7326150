package dev.gyre.kernels.scalar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.HostAccess;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;

/** The backward kernels of routers, and the choice of groups by example. */
final class ScalarRouterTest extends FiniteDifferences {
  @Test
  void routeTopK() {
    routeTopK(true);
    routeTopK(false);
  }

  private void routeTopK(boolean renormalise) {
    float zGrad = 0.3f;
    Tensor logits = Tensors.of(arena, new float[] {1, -1, 2, 0.2f, 0.5f, 3, -2, 1.5f}, 2, 4);
    Tensor dWeights = normal(2, 2);
    Tensor probsGrad = normal(4);
    Tensor probs = zeros(2, 4);
    Tensor lse = zeros(2);
    Tensor indices = Tensors.zeros(arena, DType.I32, 2, 2);
    Tensor weights = zeros(2, 2);
    DoubleSupplier loss =
        () -> {
          kernels.routeTopK(logits, renormalise, probs, lse, indices, weights);
          double sum = dot(weights, dWeights);
          for (int t = 0; t < 2; t++) {
            sum += dot(probs.get(t), probsGrad);
            sum += zGrad / 2 * HostAccess.get(lse, t) * HostAccess.get(lse, t);
          }
          return sum;
        };
    double _ = loss.getAsDouble();
    Tensor dLogits = zeros(2, 4);
    kernels.routeTopKBackward(
        probs, lse, indices, weights, renormalise, dWeights, probsGrad, zGrad, dLogits);
    assertGradient("logits", logits, dLogits, loss);
  }

  @Test
  void combineRows() {
    Tensor rows = normal(3, 4);
    Tensor slots = Tensors.ofInts(arena, new int[] {2, 0, -1, 1}, 2, 2);
    Tensor weights = normal(2, 2);
    Tensor dOut = normal(2, 4);
    DoubleSupplier loss =
        () -> {
          Tensor out = zeros(2, 4);
          kernels.combineRows(rows, slots, weights, out);
          return dot(out, dOut);
        };
    Tensor dRows = zeros(3, 4);
    Tensor dWeights = zeros(2, 2);
    kernels.combineRowsBackward(dOut, rows, slots, weights, dRows, dWeights);
    assertGradient("rows", rows, dRows, loss);
    assertGradient("weights", weights, dWeights, loss);
  }

  /** No two choices are so close that a difference would swap them. */
  @Test
  void routeGroups() {
    Tensor logits =
        Tensors.of(
            arena, new float[] {1, -1, 2, 0.2f, 0.5f, 3, -2, 1.5f, 0.3f, 2.2f, 0.9f, -0.4f}, 2, 6);
    Tensor bias = Tensors.of(arena, new float[] {0.3f, 0, -0.1f, 0, 0.5f, -0.2f}, 6);
    Tensor dWeights = normal(2, 3);
    for (boolean renormalise : new boolean[] {true, false}) {
      Tensor scores = zeros(2, 6);
      Tensor indices = Tensors.zeros(arena, DType.I32, 2, 3);
      DoubleSupplier loss =
          () -> {
            Tensor weights = zeros(2, 3);
            kernels.routeGroups(logits, bias, 3, 2, renormalise, 2.5f, scores, indices, weights);
            return dot(weights, dWeights);
          };
      double _ = loss.getAsDouble();
      Tensor dLogits = zeros(2, 6);
      kernels.routeGroupsBackward(scores, indices, renormalise, 2.5f, dWeights, dLogits);
      assertGradient("logits", logits, dLogits, loss);
    }
  }

  /**
   * Group 1 has the best expert, but groups 0 and 2 have the larger sums of two. The bias chooses
   * expert 5, and is not part of its weight.
   */
  @Test
  void groupsAreChosenByTheirTwoBestExpertsWithBias() {
    Tensor logits = Tensors.of(arena, new float[] {1, 1, 3, -9, 0.5f, 0}, 1, 6);
    Tensor bias = Tensors.of(arena, new float[] {0, 0, 0, 0, 0, 0.6f}, 6);
    Tensor scores = zeros(1, 6);
    Tensor indices = Tensors.zeros(arena, DType.I32, 1, 3);
    Tensor weights = zeros(1, 3);
    kernels.routeGroups(logits, bias, 3, 2, true, 2, scores, indices, weights);
    assertArrayEquals(new long[] {5, 0, 1}, Tensors.toLongs(indices));
    double one = 1 / (1 + Math.exp(-1));
    double sum = 0.5 + 2 * one;
    assertEquals(2 * 0.5 / sum, HostAccess.get(weights, 0), 1e-6);
    assertEquals(2 * one / sum, HostAccess.get(weights, 1), 1e-6);
    kernels.routeGroups(logits, bias, 3, 2, false, 2, scores, indices, weights);
    assertEquals(2 * 0.5, HostAccess.get(weights, 0), 1e-6);
    assertEquals(2 * one, HostAccess.get(weights, 2), 1e-6);
  }
}
