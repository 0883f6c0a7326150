package dev.gyre.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.gyre.kernels.KernelChecks;
import dev.gyre.kernels.Tensor;

/**
 * Choosing experts and mixing their rows. Router rows are a few experts wide, so their softmax is
 * scalar but for exp; mixing goes by vectors.
 */
final class RouterCalls {
  private final Scratch scratch;

  RouterCalls(Scratch scratch) {
    this.scratch = scratch;
  }

  void topK(Tensor logits, Tensor probs, Tensor lse, Tensor indices, Tensor weights) {
    int experts = Math.toIntExact(logits.dim(1));
    int k = Math.toIntExact(indices.dim(1));
    long lanes = scratch.reserve(Scratch.bytes(Simd.LANES));
    for (long t = 0; t < logits.dim(0); t++) {
      long z = logits.address() + 4 * t * experts;
      long p = probs.address() + 4 * t * experts;
      float max = VectorMove.max(z, experts);
      float sum = VectorRows.exp(z, p, experts, 1, max, lanes);
      VectorMove.scale(1 / sum, p, p, experts);
      Simd.set(lse.address() + 4 * t, (float) (max + StrictMath.log(sum)));
      long chosen = indices.address() + 4 * t * k;
      choose(z, experts, chosen, k);
      weigh(z, max, chosen, weights.address() + 4 * t * k, k);
    }
  }

  /** The k largest, best first, the lower index of equals; k passes over a short row. */
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

  private static void weigh(long z, float max, long chosen, long weights, int k) {
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

  void topKBackward(
      Tensor probs,
      Tensor lse,
      Tensor indices,
      Tensor weights,
      Tensor dWeights,
      Tensor probsGrad,
      float zGrad,
      Tensor dLogits) {
    int experts = Math.toIntExact(probs.dim(1));
    int k = Math.toIntExact(indices.dim(1));
    long g = probsGrad.address();
    for (long t = 0; t < probs.dim(0); t++) {
      long p = probs.address() + 4 * t * experts;
      long dz = dLogits.address() + 4 * t * experts;
      float shared = zGrad * Simd.get(lse.address() + 4 * t) - scalarDot(p, g, experts);
      for (int e = 0; e < experts; e++) {
        Simd.set(dz + 4L * e, Simd.get(p + 4L * e) * (Simd.get(g + 4L * e) + shared));
      }
      long w = weights.address() + 4 * t * k;
      long dw = dWeights.address() + 4 * t * k;
      float weighted = scalarDot(w, dw, k);
      for (int j = 0; j < k; j++) {
        long at = dz + 4L * RowCalls.index(indices, t * k + j);
        float d = Simd.get(w + 4L * j) * (Simd.get(dw + 4L * j) - weighted);
        Simd.set(at, Simd.get(at) + d);
      }
    }
  }

  private static float scalarDot(long a, long b, int count) {
    float sum = 0;
    for (int i = 0; i < count; i++) {
      sum += Simd.get(a + 4L * i) * Simd.get(b + 4L * i);
    }
    return sum;
  }

  void combine(Tensor rows, Tensor slots, Tensor weights, Tensor out) {
    int width = Math.toIntExact(rows.dim(1));
    int k = Math.toIntExact(slots.dim(1));
    long rowBytes = Scratch.bytes(width);
    long row = scratch.reserve(2 * rowBytes);
    long sum = row + rowBytes;
    for (long t = 0; t < out.dim(0); t++) {
      long to = Wide.read(out, t * width, width, sum);
      for (long j = t * k; j < (t + 1) * k; j++) {
        int slot = RowCalls.index(slots, j);
        KernelChecks.index("slots", j, slot, rows.dim(0));
        if (slot >= 0) {
          long from = Wide.read(rows, (long) slot * width, width, row);
          VectorMove.addScaled(Simd.get(weights.address() + 4 * j), from, to, width);
        }
      }
      Wide.written(out, t * width, width, sum);
    }
  }

  void combineBackward(
      Tensor dOut, Tensor rows, Tensor slots, Tensor weights, Tensor dRows, Tensor dWeights) {
    int width = Math.toIntExact(rows.dim(1));
    int k = Math.toIntExact(slots.dim(1));
    long rowBytes = Scratch.bytes(width);
    long lanes = scratch.reserve(3 * rowBytes + Scratch.bytes(Simd.LANES));
    long gradient = lanes + Scratch.bytes(Simd.LANES);
    long row = gradient + rowBytes;
    long dRow = row + rowBytes;
    for (long t = 0; t < dOut.dim(0); t++) {
      long d = Wide.read(dOut, t * width, width, gradient);
      for (long j = t * k; j < (t + 1) * k; j++) {
        int slot = RowCalls.index(slots, j);
        KernelChecks.index("slots", j, slot, rows.dim(0));
        float dot = 0;
        if (slot >= 0) {
          long at = (long) slot * width;
          float weight = Simd.get(weights.address() + 4 * j);
          VectorMove.scale(weight, d, Wide.target(dRows, at, dRow), width);
          Wide.written(dRows, at, width, dRow);
          dot = VectorMove.dot(d, Wide.read(rows, at, width, row), width, lanes);
        }
        Simd.set(dWeights.address() + 4 * j, dot);
      }
    }
  }
}
