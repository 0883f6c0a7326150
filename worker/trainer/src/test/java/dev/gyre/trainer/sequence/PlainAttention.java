package dev.gyre.trainer.sequence;

import dev.gyre.partitioning.layout.Documents;

/**
 * Attention of a whole row on one rank in double, as it is defined: out = softmax(q·kᵀ/√D)·v over
 * the keys a query sees, and its gradients. Arrays are [N,H,D] and [N,K,D], row-major.
 */
final class PlainAttention {
  final double[] out;
  final double[] dq;
  final double[] dk;
  final double[] dv;

  PlainAttention(
      Documents documents,
      int window,
      int[] kvHeadOf,
      int kvHeads,
      int headDim,
      double[] q,
      double[] k,
      double[] v,
      double[] dOut) {
    int heads = kvHeadOf.length;
    int tokens = documents.tokens();
    out = new double[q.length];
    dq = new double[q.length];
    dk = new double[k.length];
    dv = new double[v.length];
    double scale = 1 / Math.sqrt(headDim);
    for (int d = 0; d < documents.count(); d++) {
      int begin = documents.start(d);
      for (int i = begin; i < documents.start(d + 1); i++) {
        int from = window == 0 ? begin : Math.max(begin, i - window + 1);
        for (int h = 0; h < heads; h++) {
          int qAt = (i * heads + h) * headDim;
          double[] p = new double[tokens];
          double sum = 0;
          for (int j = from; j <= i; j++) {
            int kAt = (j * kvHeads + kvHeadOf[h]) * headDim;
            p[j] = Math.exp(scale * dot(q, qAt, k, kAt, headDim));
            sum += p[j];
          }
          double delta = 0;
          for (int j = from; j <= i; j++) {
            int kAt = (j * kvHeads + kvHeadOf[h]) * headDim;
            p[j] /= sum;
            for (int x = 0; x < headDim; x++) {
              out[qAt + x] += p[j] * v[kAt + x];
            }
          }
          for (int x = 0; x < headDim; x++) {
            delta += out[qAt + x] * dOut[qAt + x];
          }
          for (int j = from; j <= i; j++) {
            int kAt = (j * kvHeads + kvHeadOf[h]) * headDim;
            double ds = p[j] * (dot(dOut, qAt, v, kAt, headDim) - delta) * scale;
            for (int x = 0; x < headDim; x++) {
              dq[qAt + x] += ds * k[kAt + x];
              dk[kAt + x] += ds * q[qAt + x];
              dv[kAt + x] += p[j] * dOut[qAt + x];
            }
          }
        }
      }
    }
  }

  private static double dot(double[] a, int aAt, double[] b, int bAt, int n) {
    double sum = 0;
    for (int x = 0; x < n; x++) {
      sum += a[aAt + x] * b[bAt + x];
    }
    return sum;
  }
}
