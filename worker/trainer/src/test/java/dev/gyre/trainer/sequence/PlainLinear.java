package dev.gyre.trainer.sequence;

import dev.gyre.partitioning.layout.Documents;

/**
 * Linear attention of a whole row in double, straight from the definition: out_t = Σ_{s≤t}
 * exp(−slope·(t−s))· (q_t·k_s)·v_s inside a document, and its gradients. Arrays are [N,H,D] and
 * [N,K,D].
 */
final class PlainLinear {
  final double[] out;
  final double[] dq;
  final double[] dk;
  final double[] dv;

  PlainLinear(
      Documents documents,
      float[] slopes,
      int[] kvHeadOf,
      int kvHeads,
      int size,
      double[] q,
      double[] k,
      double[] v,
      double[] dOut) {
    int heads = kvHeadOf.length;
    out = new double[q.length];
    dq = new double[q.length];
    dk = new double[k.length];
    dv = new double[v.length];
    for (int t = 0; t < documents.tokens(); t++) {
      for (int s = documents.start(documents.documentOf(t)); s <= t; s++) {
        for (int h = 0; h < heads; h++) {
          int to = (t * heads + h) * size;
          int from = (s * kvHeads + kvHeadOf[h]) * size;
          double weight = Math.exp(-(double) slopes[h] * (t - s));
          double score = 0;
          double dScore = 0;
          for (int d = 0; d < size; d++) {
            score += weight * q[to + d] * k[from + d];
            dScore += weight * dOut[to + d] * v[from + d];
          }
          for (int d = 0; d < size; d++) {
            out[to + d] += score * v[from + d];
            dq[to + d] += dScore * k[from + d];
            dk[from + d] += dScore * q[to + d];
            dv[from + d] += score * dOut[to + d];
          }
        }
      }
    }
  }
}
