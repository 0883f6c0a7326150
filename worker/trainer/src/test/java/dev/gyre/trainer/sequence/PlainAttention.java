package dev.gyre.trainer.sequence;

import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.mask.AttentionMask;

/**
 * Attention of a whole row on one rank in double, straight from the definition: out =
 * softmax(scale·q·kᵀ)·v over the keys a query sees, and its gradients. A head's sink logit is the
 * score of one more key, whose value is 0. Arrays are [N,H,D] and [N,K,D], row-major, and [H].
 */
final class PlainAttention {
  final double[] out;
  final double[] dq;
  final double[] dk;
  final double[] dv;
  final double[] dSinks;

  /**
   * @param sinks empty for none
   */
  PlainAttention(
      Documents documents,
      AttentionMask mask,
      int[] kvHeadOf,
      int kvHeads,
      int headDim,
      double scale,
      double[] sinks,
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
    dSinks = new double[sinks.length];
    for (int i = 0; i < tokens; i++) {
      boolean[] sees = new boolean[tokens];
      for (int j = 0; j < tokens; j++) {
        sees[j] = sees(mask, documents, i, j);
      }
      for (int h = 0; h < heads; h++) {
        int qAt = (i * heads + h) * headDim;
        double[] p = new double[tokens];
        double ofSink = sinks.length == 0 ? 0 : Math.exp(sinks[h]);
        double sum = ofSink;
        for (int j = 0; j < tokens; j++) {
          int kAt = (j * kvHeads + kvHeadOf[h]) * headDim;
          p[j] = sees[j] ? Math.exp(scale * dot(q, qAt, k, kAt, headDim)) : 0;
          sum += p[j];
        }
        double delta = 0;
        for (int j = 0; j < tokens; j++) {
          int kAt = (j * kvHeads + kvHeadOf[h]) * headDim;
          p[j] /= sum;
          for (int x = 0; x < headDim; x++) {
            out[qAt + x] += p[j] * v[kAt + x];
          }
        }
        for (int x = 0; x < headDim; x++) {
          delta += out[qAt + x] * dOut[qAt + x];
        }
        if (sinks.length > 0) {
          dSinks[h] -= ofSink / sum * delta;
        }
        for (int j = 0; j < tokens; j++) {
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

  /** Whether a query sees a key, both as row positions: the definition, one pair at a time. */
  static boolean sees(AttentionMask mask, Documents documents, int query, int key) {
    int document = documents.documentOf(query);
    if (documents.documentOf(key) != document) {
      return mask.anchor() && key == 0;
    }
    int p = query - documents.start(document);
    int s = key - documents.start(document);
    if (s > p) {
      return s < mask.prefix();
    }
    return mask.window() == 0
        || p - s < mask.window()
        || s < mask.sinks()
        || (mask.anchor() && key == 0)
        || p < mask.prefix();
  }

  private static double dot(double[] a, int aAt, double[] b, int bAt, int n) {
    double sum = 0;
    for (int x = 0; x < n; x++) {
      sum += a[aAt + x] * b[bAt + x];
    }
    return sum;
  }
}
