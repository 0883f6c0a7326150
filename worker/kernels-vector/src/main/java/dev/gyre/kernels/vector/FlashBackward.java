package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Products.ACCUMULATE;
import static dev.gyre.kernels.vector.Products.BF16_IN;
import static dev.gyre.kernels.vector.Products.TRANSPOSE_A;
import static dev.gyre.kernels.vector.Products.TRANSPOSE_B;

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
final class FlashBackward extends BlockWalk implements AutoCloseable {
  private final Products products;
  private final Scratch memory = new Scratch();

  /** lse·log₂e of the run's queries. */
  private final float[] lse2 = new float[QUERIES];

  private final float[] deltas = new float[QUERIES];
  private AttentionCall call = AttentionCall.NONE;
  private long scores;
  private long dProbabilities;
  private long p;
  private long ds;
  private int elementBytes;
  private float scale2;

  /** First query of the run, in the tile. */
  private int first;

  FlashBackward(Products products) {
    this.products = products;
  }

  /**
   * The part of {@link dev.gyre.kernels.Kernels#attentionBackward} for the query heads of one
   * key/value head; D is at least 1.
   */
  void run(AttentionCall call, int kvHead) {
    this.call = call;
    scale2 = (float) (call.scale * FlashForward.LOG2E);
    elementBytes = call.bf16 ? 2 : Float.BYTES;
    long elements = (long) QUERIES * STRIDE;
    scores = memory.reserve(elements * 12);
    dProbabilities = scores + elements * 4;
    // In f32 p and ds replace what they are made from.
    p = call.bf16 ? scores + elements * 8 : scores;
    ds = call.bf16 ? scores + elements * 10 : dProbabilities;
    for (int head = 0; head < call.heads; head++) {
      if (call.kvHead(head) == kvHead) {
        walk(call.tiles(), head, 0, Long.MAX_VALUE);
      }
    }
  }

  @Override
  void begin(int tile, int head, int query, int count) {
    first = query;
    for (int i = 0; i < count; i++) {
      long row = call.queryRow(tile, query + i, head);
      lse2[i] = (float) (Simd.get(call.lse + 4L * row) * FlashForward.LOG2E);
      deltas[i] = Simd.get(call.delta + 4L * row);
    }
  }

  @Override
  void block(int tile, int head, int query, int queries, int key, int keys, boolean cut) {
    int kind = (call.bf16 ? BF16_IN : 0) | recurring(queries, keys);
    int size = call.size;
    long queryOffset = call.queryRow(tile, query, head) * size;
    long dOutHere = call.dOut + queryOffset * elementBytes;
    long kHere = call.k(tile, key, head);
    int sToken = call.queryStride;
    int kToken = call.keyStride;
    int ab = TRANSPOSE_B | kind;
    long q = call.q(tile, query, head);
    products.multiply(ab, queries, keys, size, q, sToken, kHere, kToken, scores, STRIDE);
    long v = call.v(tile, key, head);
    products.multiply(ab, queries, keys, size, dOutHere, sToken, v, kToken, dProbabilities, STRIDE);
    int row = query - first;
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
    int acc = ACCUMULATE | kind;
    int accT = TRANSPOSE_A | ACCUMULATE | kind;
    products.multiply(
        accT, keys, size, queries, p, STRIDE, dOutHere, sToken, call.dv + keyOffset, kToken);
    products.multiply(
        acc,
        queries,
        size,
        keys,
        ds,
        STRIDE,
        kHere,
        kToken,
        call.dq + queryOffset * Float.BYTES,
        sToken);
    products.multiply(
        accT, keys, size, queries, ds, STRIDE, q, sToken, call.dk + keyOffset, kToken);
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
    int first = from & -ScoreRows.PADDING;
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

  @Override
  public void close() {
    memory.close();
  }
}
