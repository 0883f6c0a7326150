package dev.gyre.kernels.scalar;

import dev.gyre.kernels.HostAccess;
import dev.gyre.kernels.KernelChecks;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.RouterKernels;
import dev.gyre.kernels.Tensor;
import java.util.Arrays;

/** Choosing experts and mixing what they return. Shapes as in {@link Kernels}. */
final class ScalarRouter implements RouterKernels {
  @Override
  public void routeTopK(
      Tensor logits,
      boolean renormalise,
      Tensor probs,
      Tensor lse,
      Tensor indices,
      Tensor weights) {
    int experts = (int) logits.dim(1);
    int k = (int) indices.dim(1);
    double[] z_E = new double[experts];
    for (long t = 0; t < logits.dim(0); t++) {
      HostAccess.read(logits, t * experts, experts, z_E);
      double rowLse = logSumExp(z_E);
      HostAccess.set(lse, t, rowLse);
      for (int e = 0; e < experts; e++) {
        HostAccess.set(probs, t * experts + e, StrictMath.exp(z_E[e] - rowLse));
      }
      boolean[] taken = new boolean[experts];
      double[] chosen = new double[k];
      for (int j = 0; j < k; j++) {
        int best = largest(z_E, taken);
        taken[best] = true;
        chosen[j] = z_E[best];
        HostAccess.setIndex(indices, t * k + j, best);
      }
      double chosenLse = renormalise ? logSumExp(chosen) : rowLse;
      for (int j = 0; j < k; j++) {
        HostAccess.set(weights, t * k + j, StrictMath.exp(chosen[j] - chosenLse));
      }
    }
  }

  /** Index of the largest value not taken, the lower one of equals. */
  private static int largest(double[] values, boolean[] taken) {
    int best = -1;
    for (int e = 0; e < values.length; e++) {
      if (!taken[e] && (best < 0 || values[e] > values[best])) {
        best = e;
      }
    }
    return best;
  }

  private static double logSumExp(double[] values) {
    double max = Double.NEGATIVE_INFINITY;
    for (double value : values) {
      max = Math.max(max, value);
    }
    double sum = 0;
    for (double value : values) {
      sum += StrictMath.exp(value - max);
    }
    return max + StrictMath.log(sum);
  }

  /**
   * Both softmaxes have the gradient dz = s·(ds − Σ s·ds), over all and over the chosen logits.
   * Without renormalisation the weights are probs, and the second sum is over all.
   */
  @Override
  public void routeTopKBackward(
      Tensor probs,
      Tensor lse,
      Tensor indices,
      Tensor weights,
      boolean renormalise,
      Tensor dWeights,
      Tensor probsGrad,
      float zGrad,
      Tensor dLogits) {
    int experts = (int) probs.dim(1);
    int k = (int) indices.dim(1);
    double[] dz_E = new double[experts];
    for (long t = 0; t < probs.dim(0); t++) {
      double probsDot = 0;
      for (int e = 0; e < experts; e++) {
        probsDot += HostAccess.get(probs, t * experts + e) * HostAccess.get(probsGrad, e);
      }
      double weightsDot = 0;
      for (long j = t * k; j < (t + 1) * k; j++) {
        weightsDot += HostAccess.get(weights, j) * HostAccess.get(dWeights, j);
      }
      if (!renormalise) {
        probsDot += weightsDot;
        weightsDot = 0;
      }
      double z = zGrad * HostAccess.get(lse, t);
      for (int e = 0; e < experts; e++) {
        double p = HostAccess.get(probs, t * experts + e);
        dz_E[e] = p * (HostAccess.get(probsGrad, e) - probsDot + z);
      }
      for (long j = t * k; j < (t + 1) * k; j++) {
        dz_E[HostAccess.index(indices, j)] +=
            HostAccess.get(weights, j) * (HostAccess.get(dWeights, j) - weightsDot);
      }
      for (int e = 0; e < experts; e++) {
        HostAccess.set(dLogits, t * experts + e, dz_E[e]);
      }
    }
  }

  @Override
  public void routeGroups(
      Tensor logits,
      Tensor bias,
      int groups,
      int chosenGroups,
      boolean renormalise,
      float scale,
      Tensor scores,
      Tensor indices,
      Tensor weights) {
    int experts = (int) logits.dim(1);
    int k = (int) indices.dim(1);
    int size = experts / groups;
    double[] choice_E = new double[experts];
    double[] value_G = new double[groups];
    for (long t = 0; t < logits.dim(0); t++) {
      for (int e = 0; e < experts; e++) {
        long at = t * experts + e;
        HostAccess.set(scores, at, 1 / (1 + StrictMath.exp(-HostAccess.get(logits, at))));
        choice_E[e] = (float) (HostAccess.get(scores, at) + HostAccess.get(bias, e));
      }
      for (int g = 0; g < groups; g++) {
        value_G[g] = (float) sumOfTwoLargest(choice_E, g * size, size);
      }
      boolean[] taken = new boolean[experts];
      Arrays.fill(taken, true);
      boolean[] groupTaken = new boolean[groups];
      for (int n = 0; n < chosenGroups; n++) {
        int group = largest(value_G, groupTaken);
        groupTaken[group] = true;
        Arrays.fill(taken, group * size, (group + 1) * size, false);
      }
      double sum = 1e-20;
      for (int j = 0; j < k; j++) {
        int best = largest(choice_E, taken);
        taken[best] = true;
        HostAccess.setIndex(indices, t * k + j, best);
        sum += HostAccess.get(scores, t * experts + best);
      }
      for (long j = t * k; j < (t + 1) * k; j++) {
        double score = HostAccess.get(scores, t * experts + HostAccess.index(indices, j));
        HostAccess.set(weights, j, scale * score / (renormalise ? sum : 1));
      }
    }
  }

  /** Of {@code count} values; the only one if there is one. */
  private static double sumOfTwoLargest(double[] values, int from, int count) {
    double first = Double.NEGATIVE_INFINITY;
    double second = Double.NEGATIVE_INFINITY;
    for (int i = from; i < from + count; i++) {
      if (values[i] > first) {
        second = first;
        first = values[i];
      } else if (values[i] > second) {
        second = values[i];
      }
    }
    return count == 1 ? first : first + second;
  }

  /**
   * With S = Σ s + 1e-20 over the chosen, w = scale·s/S: ds = scale/S·(dw − Σ dw·s/S). And σ' =
   * s·(1 − s).
   */
  @Override
  public void routeGroupsBackward(
      Tensor scores,
      Tensor indices,
      boolean renormalise,
      float scale,
      Tensor dWeights,
      Tensor dLogits) {
    int experts = (int) scores.dim(1);
    int k = (int) indices.dim(1);
    for (long t = 0; t < scores.dim(0); t++) {
      double sum = 1e-20;
      double dot = 0;
      for (long j = t * k; j < (t + 1) * k; j++) {
        double score = HostAccess.get(scores, t * experts + HostAccess.index(indices, j));
        sum += score;
        dot += score * HostAccess.get(dWeights, j);
      }
      double divisor = renormalise ? sum : 1;
      double shared = renormalise ? dot / sum : 0;
      for (int e = 0; e < experts; e++) {
        HostAccess.set(dLogits, t * experts + e, 0);
      }
      for (long j = t * k; j < (t + 1) * k; j++) {
        long at = t * experts + HostAccess.index(indices, j);
        double score = HostAccess.get(scores, at);
        double dScore = scale / divisor * (HostAccess.get(dWeights, j) - shared);
        HostAccess.set(dLogits, at, dScore * score * (1 - score));
      }
    }
  }

  @Override
  public void combineRows(Tensor rows, Tensor slots, Tensor weights, Tensor out) {
    int width = (int) rows.dim(1);
    int k = (int) slots.dim(1);
    double[] out_W = new double[width];
    for (long t = 0; t < out.dim(0); t++) {
      HostAccess.read(out, t * width, width, out_W);
      for (long j = t * k; j < (t + 1) * k; j++) {
        int slot = HostAccess.index(slots, j);
        KernelChecks.index("slots", j, slot, rows.dim(0));
        for (int c = 0; slot >= 0 && c < width; c++) {
          out_W[c] += HostAccess.get(weights, j) * HostAccess.get(rows, (long) slot * width + c);
        }
      }
      for (int c = 0; c < width; c++) {
        HostAccess.set(out, t * width + c, out_W[c]);
      }
    }
  }

  @Override
  public void combineRowsBackward(
      Tensor dOut, Tensor rows, Tensor slots, Tensor weights, Tensor dRows, Tensor dWeights) {
    long width = rows.dim(1);
    int k = (int) slots.dim(1);
    for (long t = 0; t < dOut.dim(0); t++) {
      for (long j = t * k; j < (t + 1) * k; j++) {
        int slot = HostAccess.index(slots, j);
        KernelChecks.index("slots", j, slot, rows.dim(0));
        double weight = HostAccess.get(weights, j);
        double dot = 0;
        for (long c = 0; slot >= 0 && c < width; c++) {
          double d = HostAccess.get(dOut, t * width + c);
          dot += d * HostAccess.get(rows, slot * width + c);
          HostAccess.set(dRows, slot * width + c, weight * d);
        }
        HostAccess.set(dWeights, j, dot);
      }
    }
  }
}
