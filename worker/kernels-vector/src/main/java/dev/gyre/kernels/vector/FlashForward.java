package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Products.ACCUMULATE;
import static dev.gyre.kernels.vector.Products.BF16_IN;
import static dev.gyre.kernels.vector.Products.TRANSPOSE_B;

import java.util.Arrays;

/**
 * Attention forward, block by block. For a run of queries, with m the running maximum of
 * s·scale·log₂e and l the running sum of p = 2^(s·scale·log₂e − m):
 *
 * <ol>
 *   <li>s = q·kᵀ for the block's pairs
 *   <li>m' = max(m, max s·scale·log₂e); l ← l·2^(m−m') + Σ p; acc ← acc·2^(m−m')
 *   <li>acc ← acc + p·v
 * </ol>
 *
 * and at the end lse = m·ln 2 + ln l is merged with what (out, lse) already cover. m follows the
 * largest score only once that has grown 2^8-fold: until then sums lose nothing by probabilities
 * above 1, and nothing is scaled. Source: Dao, FlashAttention-2, algorithm 1; the late rescaling is
 * FlashAttention-4's.
 */
final class FlashForward extends BlockWalk implements AutoCloseable {
  static final double LN2 = 0.6931471805599453;
  static final double LOG2E = 1.4426950408889634;

  /** How far scores may exceed m, in powers of two: values must stay below 2^119. */
  private static final float GROWTH = 8f;

  private static final int SUM_BYTES = ScoreRows.PADDING * Float.BYTES;

  private final Products products;
  private final Scratch memory = new Scratch();
  private final float[] maxima = new float[QUERIES];
  private AttentionCall call = AttentionCall.NONE;
  private long scores;
  private long probabilities;
  private long accumulators;
  private int accumulatorStride;
  private long sums;
  private float scale2;

  /** First query of the run, in the tile. */
  private int first;

  FlashForward(Products products) {
    this.products = products;
  }

  /**
   * The part of {@link dev.gyre.kernels.Kernels#attention} for one head and the queries of one
   * slab; scale is above 0 and D at least 1.
   */
  void run(AttentionCall call, int head, int slab) {
    this.call = call;
    scale2 = (float) (call.scale * LOG2E);
    accumulatorStride = padded(call.size);
    long blockBytes = (long) QUERIES * STRIDE * Float.BYTES;
    long sumsBytes = (long) QUERIES * SUM_BYTES;
    long accumulatorBytes = (long) QUERIES * accumulatorStride * Float.BYTES;
    scores = memory.reserve(2 * blockBytes + sumsBytes + accumulatorBytes);
    // f32 probabilities replace the scores.
    probabilities = call.bf16 ? scores + blockBytes : scores;
    sums = scores + 2 * blockBytes;
    accumulators = sums + sumsBytes;
    long from = (long) slab * QUERIES;
    walk(call.tiles(), head, from, from + QUERIES);
  }

  static int padded(int count) {
    return (count + ScoreRows.PADDING - 1) & -ScoreRows.PADDING;
  }

  @Override
  void begin(int tile, int head, int query, int count) {
    first = query;
    ScoreRows.clear(accumulators, 0, count * accumulatorStride);
    ScoreRows.clear(sums, 0, count * ScoreRows.PADDING);
    Arrays.fill(maxima, 0, count, Float.NEGATIVE_INFINITY);
  }

  @Override
  void block(int tile, int head, int query, int queries, int key, int keys, boolean cut) {
    int kind = (call.bf16 ? BF16_IN : 0) | recurring(queries, keys);
    int size = call.size;
    products.multiply(
        TRANSPOSE_B | kind,
        queries,
        keys,
        size,
        call.q(tile, query, head),
        call.queryStride,
        call.k(tile, key, head),
        call.keyStride,
        scores,
        STRIDE);
    int row = query - first;
    for (int i = 0; i < queries; i++) {
      int from = 0;
      int to = keys;
      if (cut) {
        from = Math.max(0, firstVisible(call.tiles(), tile, query + i) - key);
        to = Math.min(keys, endVisible(call.tiles(), tile, query + i) - key);
      }
      softmaxRow(row + i, i, from, to, keys);
    }
    products.multiply(
        ACCUMULATE | kind,
        queries,
        size,
        keys,
        probabilities,
        STRIDE,
        call.v(tile, key, head),
        call.keyStride,
        accumulators + (long) row * accumulatorStride * Float.BYTES,
        accumulatorStride);
  }

  /** Pass 2 for one row of the block, of which [from, to) is visible. */
  private void softmaxRow(int row, int blockRow, int from, int to, int keys) {
    long s = scores + (long) blockRow * STRIDE * Float.BYTES;
    long p = probabilities + (long) blockRow * STRIDE * (call.bf16 ? 2 : Float.BYTES);
    if (from >= to) {
      clear(p, 0, padded(keys));
      return;
    }
    int first = from & -ScoreRows.PADDING;
    int end = padded(to);
    ScoreRows.hide(s, first, from);
    ScoreRows.hide(s, to, end);
    float seen = ScoreRows.max(s + 4L * first, end - first) * scale2;
    float max = maxima[row];
    float keep = 1f;
    if (seen > max + GROWTH) {
      if (max != Float.NEGATIVE_INFINITY) {
        keep = (float) StrictMath.exp((max - seen) * LN2);
        long acc = accumulators + (long) row * accumulatorStride * Float.BYTES;
        ScoreRows.scale(acc, accumulatorStride, keep);
      }
      maxima[row] = seen;
      max = seen;
    }
    long sum = sums + (long) row * SUM_BYTES;
    // All scores −∞ must give p = 0, while a NaN must stay one.
    float shift = max == Float.NEGATIVE_INFINITY ? 0f : max;
    if (call.bf16) {
      ScoreRows.exponentialsBf16(
          s + 4L * first, end - first, scale2, shift, keep, sum, p + 2L * first);
    } else {
      ScoreRows.exponentials(s + 4L * first, end - first, scale2, shift, keep, sum);
    }
    clear(p, 0, first);
    clear(p, end, padded(keys));
  }

  private void clear(long p, int from, int to) {
    if (from == to) {
      return;
    }
    if (call.bf16) {
      ScoreRows.clearBf16(p, from, to);
    } else {
      ScoreRows.clear(p, from, to);
    }
  }

  @Override
  void end(int tile, int head, int query, int count) {
    for (int i = 0; i < count; i++) {
      float sum = ScoreRows.total(sums + (long) i * SUM_BYTES);
      if (sum == 0) {
        continue; // saw no key
      }
      double here = maxima[i] * LN2 + StrictMath.log(sum);
      long row = call.queryRow(tile, query + i, head);
      long acc = accumulators + (long) i * accumulatorStride * Float.BYTES;
      join(
          acc, call.size, here, 1.0 / sum, call.out + row * call.size * Float.BYTES, call.lse, row);
    }
  }

  /**
   * Joins {@code part·factor}, whose log-sum-exp is {@code partLse}, to a running row: lse' =
   * logaddexp(lse, partLse), out' = out·exp(lse − lse') + part·factor·exp(partLse − lse').
   *
   * @param partLse not −∞
   * @param row index of the running row in the F32 tensor at {@code lse}
   */
  static void join(
      long part, int size, double partLse, double factor, long out, long lse, long row) {
    float before = Simd.get(lse + 4L * row);
    float keep = 0f;
    double share = factor;
    double after = partLse;
    if (before != Float.NEGATIVE_INFINITY) {
      double larger = Math.max(before, partLse);
      after = larger + StrictMath.log1p(StrictMath.exp(Math.min(before, partLse) - larger));
      keep = (float) StrictMath.exp(before - after);
      share *= StrictMath.exp(partLse - after);
    }
    Simd.set(lse + 4L * row, (float) after);
    ScoreRows.blend(part, size, (float) share, keep, out);
  }

  @Override
  public void close() {
    memory.close();
  }
}
