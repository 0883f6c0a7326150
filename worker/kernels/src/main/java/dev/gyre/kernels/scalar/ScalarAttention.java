package dev.gyre.kernels.scalar;

import dev.gyre.kernels.AttentionKernels;
import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.HostAccess;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;

/**
 * Attention over tiles, one query row at a time. Shapes as in {@link Kernels}.
 *
 * <p>Naively p_j = exp(s_j) / Σ exp(s_j) overflows. With m the largest score so far, lse = m + ln Σ
 * exp(s_j − m) is safe, and a row that covered (out, lse) before becomes lse' = logaddexp(lse,
 * lse_tile), out' = out·exp(lse − lse') + Σ_j exp(s_j − lse')·v_j.
 */
final class ScalarAttention implements AttentionKernels {
  /**
   * What one call computes on, widened once. Rows of q count (query, head), of k and v (key, head).
   */
  private record Call(
      double[] q_THD, double[] k_TKD, double[] v_TKD, int size, int kvHeads, int[] kvHeadOf) {
    static Call of(Tensor q, Tensor k, Tensor v, int[] kvHeadOf) {
      return new Call(
          Tensors.toDoubles(q),
          Tensors.toDoubles(k),
          Tensors.toDoubles(v),
          (int) q.dim(2),
          (int) k.dim(1),
          kvHeadOf);
    }

    /** Row of k and v for query head {@code head} and {@code key}. */
    int keyRow(long key, int head) {
      return (int) key * kvHeads + kvHeadOf[head];
    }

    double score(int row, int keyRow) {
      return dot(q_THD, row, k_TKD, keyRow, size);
    }
  }

  @Override
  public void attention(
      Tensor q,
      Tensor k,
      Tensor v,
      int[] kvHeadOf,
      AttentionTiles tiles,
      float scale,
      Tensor out,
      Tensor lse) {
    Call call = Call.of(q, k, v, kvHeadOf);
    for (int n = 0; n < tiles.count(); n++) {
      for (int i = 0; i < tiles.queryCount(n); i++) {
        for (int head = 0; head < kvHeadOf.length; head++) {
          forwardRow(call, tiles, n, i, head, scale, out, lse);
        }
      }
    }
  }

  private static void forwardRow(
      Call call,
      AttentionTiles tiles,
      int tile,
      int i,
      int head,
      float scale,
      Tensor out,
      Tensor lse) {
    int row = (tiles.queryStart(tile) + i) * call.kvHeadOf.length + head;
    long first = tiles.keyStart(tile) + firstKey(tiles, tile, i);
    int count = (int) Math.max(0, lastKey(tiles, tile, i) - firstKey(tiles, tile, i) + 1);
    if (count == 0) {
      return;
    }
    double[] scores = new double[count];
    double max = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < count; j++) {
      scores[j] = scale * call.score(row, call.keyRow(first + j, head));
      max = Math.max(max, scores[j]);
    }
    double sum = 0;
    for (double s : scores) {
      sum += StrictMath.exp(s - max);
    }
    double before = HostAccess.get(lse, row);
    double after = logAddExp(before, max + StrictMath.log(sum));
    double keep = StrictMath.exp(before - after);
    int size = call.size;
    double[] out_D = new double[size];
    for (int d = 0; d < size; d++) {
      out_D[d] = HostAccess.get(out, (long) row * size + d) * keep;
    }
    for (int j = 0; j < count; j++) {
      int at = call.keyRow(first + j, head) * size;
      double p = StrictMath.exp(scores[j] - after);
      for (int d = 0; d < size; d++) {
        out_D[d] += p * call.v_TKD[at + d];
      }
    }
    for (int d = 0; d < size; d++) {
      HostAccess.set(out, (long) row * size + d, out_D[d]);
    }
    HostAccess.set(lse, row, after);
  }

  @Override
  public void attentionMerge(Tensor outB, Tensor lseB, Tensor out, Tensor lse) {
    long size = out.dim(2);
    for (long row = 0; row < lse.elements(); row++) {
      double b = HostAccess.get(lseB, row);
      double after = logAddExp(HostAccess.get(lse, row), b);
      if (after == Double.NEGATIVE_INFINITY) {
        continue; // −∞ − −∞ would be NaN
      }
      double share = StrictMath.exp(b - after);
      for (long d = row * size; d < (row + 1) * size; d++) {
        HostAccess.add(out, d, (HostAccess.get(outB, d) - HostAccess.get(out, d)) * share);
      }
      HostAccess.set(lse, row, after);
    }
  }

  /** exp(lse − lse') = σ(lse − sink). */
  @Override
  public void attentionSinks(Tensor sinks, Tensor out, Tensor lse) {
    long heads = out.dim(1);
    long size = out.dim(2);
    for (long row = 0; row < lse.elements(); row++) {
      double before = HostAccess.get(lse, row);
      double sink = HostAccess.get(sinks, row % heads);
      HostAccess.set(lse, row, logAddExp(before, sink));
      if (before == Double.NEGATIVE_INFINITY) {
        continue;
      }
      double keep = 1 / (1 + StrictMath.exp(sink - before));
      for (long d = row * size; d < (row + 1) * size; d++) {
        HostAccess.set(out, d, HostAccess.get(out, d) * keep);
      }
    }
  }

  /** A sink's value is 0, so dp = 0 and its dscore is p·(dp − delta) = −p·delta. */
  @Override
  public void attentionSinksBackward(Tensor sinks, Tensor lse, Tensor delta, Tensor dsinks) {
    int heads = (int) lse.dim(1);
    double[] dsinks_H = Tensors.toDoubles(dsinks);
    for (long row = 0; row < lse.elements(); row++) {
      double rowLse = HostAccess.get(lse, row);
      int head = (int) (row % heads);
      if (rowLse != Double.NEGATIVE_INFINITY) {
        double p = StrictMath.exp(HostAccess.get(sinks, head) - rowLse);
        dsinks_H[head] -= p * HostAccess.get(delta, row);
      }
    }
    HostAccess.write(dsinks_H, dsinks);
  }

  @Override
  public void attentionDelta(Tensor out, Tensor dOut, Tensor delta) {
    int size = (int) out.dim(2);
    double[] out_THD = Tensors.toDoubles(out);
    double[] dOut_THD = Tensors.toDoubles(dOut);
    for (int row = 0; row < delta.elements(); row++) {
      HostAccess.set(delta, row, dot(out_THD, row, dOut_THD, row, size));
    }
  }

  /**
   * With p = exp(s − lse) and dp = dOut·v: ds = p·(dp − delta), dq = scale·Σ_j ds·k, dk = scale·Σ_i
   * ds·q, dv = Σ_i p·dOut.
   */
  @Override
  public void attentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      int[] kvHeadOf,
      AttentionTiles tiles,
      float scale,
      Tensor dOut,
      Tensor lse,
      Tensor delta,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    Call call = Call.of(q, k, v, kvHeadOf);
    int size = call.size;
    double[] dOut_THD = Tensors.toDoubles(dOut);
    double[] dq_THD = Tensors.toDoubles(dq);
    double[] dk_TKD = Tensors.toDoubles(dk);
    double[] dv_TKD = Tensors.toDoubles(dv);
    for (int n = 0; n < tiles.count(); n++) {
      for (int i = 0; i < tiles.queryCount(n); i++) {
        for (int head = 0; head < kvHeadOf.length; head++) {
          int row = (tiles.queryStart(n) + i) * kvHeadOf.length + head;
          double rowLse = HostAccess.get(lse, row);
          if (rowLse == Double.NEGATIVE_INFINITY) {
            continue;
          }
          for (long j = firstKey(tiles, n, i); j <= lastKey(tiles, n, i); j++) {
            int key = call.keyRow(tiles.keyStart(n) + j, head);
            double p = StrictMath.exp(scale * call.score(row, key) - rowLse);
            double dp = dot(dOut_THD, row, call.v_TKD, key, size);
            double ds = scale * p * (dp - HostAccess.get(delta, row));
            for (int d = 0; d < size; d++) {
              dq_THD[row * size + d] += ds * call.k_TKD[key * size + d];
              dk_TKD[key * size + d] += ds * call.q_THD[row * size + d];
              dv_TKD[key * size + d] += p * dOut_THD[row * size + d];
            }
          }
        }
      }
    }
    HostAccess.write(dq_THD, dq);
    HostAccess.write(dk_TKD, dk);
    HostAccess.write(dv_TKD, dv);
  }

  /** First visible key of query i, counted inside the tile: i − j ≤ maxDelta. */
  private static long firstKey(AttentionTiles tiles, int tile, int i) {
    return Math.max(0, (long) i - tiles.maxDelta(tile));
  }

  /** Last visible key of query i: i − j ≥ minDelta. Below the first when none is visible. */
  private static long lastKey(AttentionTiles tiles, int tile, int i) {
    return Math.min(tiles.keyCount(tile) - 1L, (long) i - tiles.minDelta(tile));
  }

  private static double dot(double[] a, int rowA, double[] b, int rowB, int size) {
    double sum = 0;
    for (int d = 0; d < size; d++) {
      sum += a[rowA * size + d] * b[rowB * size + d];
    }
    return sum;
  }

  private static double logAddExp(double a, double b) {
    double max = Math.max(a, b);
    if (max == Double.NEGATIVE_INFINITY) {
      return max;
    }
    return max + StrictMath.log1p(StrictMath.exp(Math.min(a, b) - max));
  }
}
