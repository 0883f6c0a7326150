package dev.gyre.kernels.onednn;

import static dev.gyre.kernels.onednn.binding.Gemm.ACCUMULATE;
import static dev.gyre.kernels.onednn.binding.Gemm.BF16_IN;
import static dev.gyre.kernels.onednn.binding.Gemm.TRANSPOSE_B;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.onednn.binding.Gemm;
import dev.gyre.kernels.onednn.binding.Scratch;
import dev.gyre.kernels.vector.attention.ScoreRows;
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
 * and at the end lse = m·ln 2 + ln l is merged with what (out, lse) already cover. Source: Dao,
 * FlashAttention-2, algorithm 1.
 */
final class FlashForward extends BlockWalk {
  static final double LN2 = 0.6931471805599453;
  static final double LOG2E = 1.4426950408889634;
  private static final int LANES = ScoreRows.PADDING;
  private static final int SUM_BYTES = LANES * Float.BYTES;

  /** Elements from one row of scores to the next. */
  private static final int STRIDE = KEYS;

  private final BlockProducts products;
  private final Scratch memory;
  private final AttentionCall call = new AttentionCall();
  private final float[] maxima = new float[QUERIES];
  private long out;
  private long lse;
  private long scores;
  private long probabilities;
  private long accumulators;
  private int accumulatorStride;
  private long sums;
  private float scale2;

  /**
   * @param memory shared with whatever does not run at the same time
   */
  FlashForward(Gemm gemm, Scratch memory) {
    this.products = new BlockProducts(gemm);
    this.memory = memory;
  }

  /** {@link dev.gyre.kernels.Kernels#attention}, for scale above 0 and D at least 1. */
  void run(
      Tensor q,
      Tensor k,
      Tensor v,
      int[] kvHeadOf,
      AttentionTiles tiles,
      float scale,
      Tensor out,
      Tensor lse) {
    call.set(q, k, v, kvHeadOf, tiles, scale);
    this.out = out.address();
    this.lse = lse.address();
    scale2 = (float) (scale * LOG2E);
    accumulatorStride = padded(call.size);
    long blockBytes = (long) QUERIES * STRIDE * Float.BYTES;
    long sumsBytes = (long) QUERIES * SUM_BYTES;
    long accumulatorBytes = (long) QUERIES * accumulatorStride * Float.BYTES;
    scores = memory.atLeast(2 * blockBytes + sumsBytes + accumulatorBytes);
    // f32 probabilities replace the scores.
    probabilities = call.bf16 ? scores + blockBytes : scores;
    sums = scores + 2 * blockBytes;
    accumulators = sums + sumsBytes;
    walk(tiles, call.heads);
  }

  static int padded(int count) {
    return (count + LANES - 1) & -LANES;
  }

  @Override
  void begin(int tile, int head, int query, int count) {
    ScoreRows.clear(accumulators, 0, count * accumulatorStride);
    ScoreRows.clear(sums, 0, count * LANES);
    Arrays.fill(maxima, 0, count, Float.NEGATIVE_INFINITY);
  }

  @Override
  void block(int tile, int head, int query, int queries, int key, int keys, boolean cut) {
    int bf16 = call.bf16 ? BF16_IN : 0;
    int size = call.size;
    products.multiply(
        queries,
        keys,
        TRANSPOSE_B | bf16,
        queries,
        keys,
        size,
        call.q(tile, query, head),
        call.queryStride,
        call.k(tile, key, head),
        call.keyStride,
        scores,
        STRIDE);
    int row = query % QUERIES;
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
        queries,
        keys,
        ACCUMULATE | bf16,
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
    int first = from & -LANES;
    int end = padded(to);
    ScoreRows.hide(s, first, from);
    ScoreRows.hide(s, to, end);
    float before = maxima[row];
    float max = Math.max(before, ScoreRows.max(s + 4L * first, end - first) * scale2);
    float keep = 1f;
    if (max != before) {
      maxima[row] = max;
      keep = (float) StrictMath.exp((before - max) * LN2);
      if (before != Float.NEGATIVE_INFINITY) {
        long acc = accumulators + (long) row * accumulatorStride * Float.BYTES;
        ScoreRows.scale(acc, accumulatorStride, keep);
      }
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
      float before = HostFloats.get(lse, row);
      float keep = 0f;
      double share = 1.0;
      double after = here;
      if (before != Float.NEGATIVE_INFINITY) {
        double larger = Math.max(before, here);
        after = larger + StrictMath.log1p(StrictMath.exp(Math.min(before, here) - larger));
        keep = (float) StrictMath.exp(before - after);
        share = StrictMath.exp(here - after);
      }
      HostFloats.set(lse, row, (float) after);
      long acc = accumulators + (long) i * accumulatorStride * Float.BYTES;
      long at = out + row * call.size * Float.BYTES;
      ScoreRows.blend(acc, call.size, (float) (share / sum), keep, at);
    }
  }
}
