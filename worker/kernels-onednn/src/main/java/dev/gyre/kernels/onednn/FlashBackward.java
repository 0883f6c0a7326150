package dev.gyre.kernels.onednn;

import static dev.gyre.kernels.onednn.binding.Gemm.ACCUMULATE;
import static dev.gyre.kernels.onednn.binding.Gemm.BF16_IN;
import static dev.gyre.kernels.onednn.binding.Gemm.TRANSPOSE_A;
import static dev.gyre.kernels.onednn.binding.Gemm.TRANSPOSE_B;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.onednn.binding.Gemm;
import dev.gyre.kernels.onednn.binding.Scratch;
import dev.gyre.kernels.vector.attention.ScoreRows;

/**
 * Attention backward, block by block:
 *
 * <ol>
 *   <li>s = q·kᵀ and dp = dOut·vᵀ for the block's pairs
 *   <li>p = exp(s·scale − lse); ds = p∘(dp − delta)·scale
 *   <li>dv += pᵀ·dOut; dq += ds·k; dk += dsᵀ·q
 * </ol>
 *
 * Source: Dao, FlashAttention-2, algorithm 2.
 */
final class FlashBackward extends BlockWalk {
  private static final int LANES = ScoreRows.PADDING;
  private static final int STRIDE = KEYS;

  private final BlockProducts products;
  private final Scratch memory;
  private final AttentionCall call = new AttentionCall();

  /** lse·log₂e of the run's queries. */
  private final float[] lse2 = new float[QUERIES];

  private final float[] deltas = new float[QUERIES];
  private long dOut;
  private long lse;
  private long delta;
  private long dq;
  private long dk;
  private long dv;
  private long scores;
  private long dProbabilities;
  private long p;
  private long ds;
  private int elementBytes;
  private float scale2;

  /**
   * @param memory shared with whatever does not run at the same time
   */
  FlashBackward(Gemm gemm, Scratch memory) {
    this.products = new BlockProducts(gemm);
    this.memory = memory;
  }

  /** {@link dev.gyre.kernels.Kernels#attentionBackward}, for D at least 1. */
  void run(
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
    call.set(q, k, v, kvHeadOf, tiles, scale);
    this.dOut = dOut.address();
    this.lse = lse.address();
    this.delta = delta.address();
    this.dq = dq.address();
    this.dk = dk.address();
    this.dv = dv.address();
    scale2 = (float) (scale * FlashForward.LOG2E);
    elementBytes = call.bf16 ? 2 : Float.BYTES;
    long elements = (long) QUERIES * STRIDE;
    scores = memory.atLeast(elements * 12);
    dProbabilities = scores + elements * 4;
    // In f32 p and ds replace what they are made from.
    p = call.bf16 ? scores + elements * 8 : scores;
    ds = call.bf16 ? scores + elements * 10 : dProbabilities;
    walk(tiles, call.heads);
  }

  @Override
  void begin(int tile, int head, int query, int count) {
    for (int i = 0; i < count; i++) {
      long row = call.queryRow(tile, query + i, head);
      lse2[i] = (float) (HostFloats.get(lse, row) * FlashForward.LOG2E);
      deltas[i] = HostFloats.get(delta, row);
    }
  }

  @Override
  void block(int tile, int head, int query, int queries, int key, int keys, boolean cut) {
    int bf16 = call.bf16 ? BF16_IN : 0;
    int size = call.size;
    long queryOffset = call.queryRow(tile, query, head) * size;
    long dOutHere = dOut + queryOffset * elementBytes;
    long kHere = call.k(tile, key, head);
    int sToken = call.queryStride;
    int kToken = call.keyStride;
    int ab = TRANSPOSE_B | bf16;
    long q = call.q(tile, query, head);
    products.multiply(
        queries, keys, ab, queries, keys, size, q, sToken, kHere, kToken, scores, STRIDE);
    long v = call.v(tile, key, head);
    products.multiply(
        queries,
        keys,
        ab,
        queries,
        keys,
        size,
        dOutHere,
        sToken,
        v,
        kToken,
        dProbabilities,
        STRIDE);
    int row = query % QUERIES;
    for (int i = 0; i < queries; i++) {
      int from = 0;
      int to = keys;
      if (cut) {
        from = Math.max(0, firstVisible(call.tiles(), tile, query + i) - key);
        to = Math.min(keys, endVisible(call.tiles(), tile, query + i) - key);
      }
      gradientRow(row + i, i, from, to, keys);
    }
    long keyOffset = call.keyOffset(tile, key, head) * Float.BYTES;
    int acc = ACCUMULATE | bf16;
    int accT = TRANSPOSE_A | ACCUMULATE | bf16;
    products.multiply(
        queries,
        keys,
        accT,
        keys,
        size,
        queries,
        p,
        STRIDE,
        dOutHere,
        sToken,
        dv + keyOffset,
        kToken);
    products.multiply(
        queries,
        keys,
        acc,
        queries,
        size,
        keys,
        ds,
        STRIDE,
        kHere,
        kToken,
        dq + queryOffset * Float.BYTES,
        sToken);
    products.multiply(
        queries, keys, accT, keys, size, queries, ds, STRIDE, q, sToken, dk + keyOffset, kToken);
  }

  /** Pass 2 for one row of the block, of which [from, to) is visible. */
  private void gradientRow(int row, int blockRow, int from, int to, int keys) {
    long at = (long) blockRow * STRIDE;
    long pRow = p + at * elementBytes;
    long dsRow = ds + at * elementBytes;
    if (from >= to || lse2[row] == Float.NEGATIVE_INFINITY) {
      clear(pRow, dsRow, 0, FlashForward.padded(keys));
      return;
    }
    int first = from & -LANES;
    int end = FlashForward.padded(to);
    long s = scores + at * Float.BYTES;
    long dp = dProbabilities + at * Float.BYTES;
    ScoreRows.hide(s, first, from);
    ScoreRows.hide(s, to, end);
    float delta = deltas[row];
    long s1 = s + 4L * first;
    long dp1 = dp + 4L * first;
    if (call.bf16) {
      ScoreRows.gradientsBf16(
          s1,
          dp1,
          end - first,
          scale2,
          lse2[row],
          delta,
          call.scale,
          pRow + 2L * first,
          dsRow + 2L * first);
    } else {
      ScoreRows.gradients(s1, dp1, end - first, scale2, lse2[row], delta, call.scale);
    }
    clear(pRow, dsRow, 0, first);
    clear(pRow, dsRow, end, FlashForward.padded(keys));
  }

  private void clear(long pRow, long dsRow, int from, int to) {
    if (from == to) {
      return;
    }
    if (call.bf16) {
      ScoreRows.clearBf16(pRow, from, to);
      ScoreRows.clearBf16(dsRow, from, to);
    } else {
      ScoreRows.clear(pRow, from, to);
      ScoreRows.clear(dsRow, from, to);
    }
  }

  @Override
  void end(int tile, int head, int query, int count) {}
}
