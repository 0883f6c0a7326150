package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.AttentionCall.KEYS;
import static dev.gyre.kernels.vector.AttentionCall.QUERIES;
import static dev.gyre.kernels.vector.AttentionCall.SCORE_STRIDE;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Tensor;

/**
 * Blocked attention forward. Keys go in chunks whose packed panels stay in the cache; for each
 * query block the chunk's key blocks that the band touches are taken in order:
 *
 * <ol>
 *   <li>S [QUERIES][KEYS] = scale·Q·Kᵀ, −∞ outside the band
 *   <li>P = exp(S − new row maximum) in place; earlier sums shrink by the maxima's difference
 *   <li>O += P·V
 * </ol>
 *
 * and the chunk's O joins the running (out, lse). Source: Dao, FlashAttention-2, algorithm 1.
 */
final class FlashForward {
  /** Keys packed at a time: with heads of 64, K and V take 480 KB. */
  private static final int CHUNK = 5 * KEYS;

  private final Scratch scratch;
  private long kPanels;
  private long vPanels;
  private long queries;
  private long scores;
  private long sums_O;
  private long max;
  private long sum;
  private long keep;
  private long lanes;
  private long row;

  FlashForward(Scratch scratch) {
    this.scratch = scratch;
  }

  void run(AttentionCall call, Tensor out, Tensor lse) {
    AttentionTiles tiles = call.tiles();
    layOut(call);
    for (int n = 0; n < tiles.count(); n++) {
      for (int first = 0; first < tiles.keyCount(n); first += CHUNK) {
        int keys = Math.min(CHUNK, tiles.keyCount(n) - first);
        if (visible(tiles, n, 0, tiles.queryCount(n), first, keys)) {
          chunk(call, n, first, keys, out, lse);
        }
      }
    }
  }

  private void layOut(AttentionCall call) {
    long rows = Scratch.bytes((long) QUERIES * call.rowStride());
    long keys = Scratch.bytes((long) Panels.padded(CHUNK) * Panels.padded(call.size()));
    long state = Scratch.bytes(QUERIES);
    long block = Scratch.bytes((long) QUERIES * SCORE_STRIDE);
    kPanels = scratch.reserve(2 * keys + 2 * rows + block + 4 * state + Scratch.bytes(call.size()));
    vPanels = kPanels + keys;
    queries = vPanels + keys;
    sums_O = queries + rows;
    scores = sums_O + rows;
    max = scores + block;
    sum = max + state;
    keep = sum + state;
    lanes = keep + state;
    row = lanes + state;
  }

  static boolean visible(AttentionTiles tiles, int n, int query, int rows, int key, int keys) {
    return VectorSoftmax.anyVisible(query, rows, key, keys, tiles.minDelta(n), tiles.maxDelta(n));
  }

  private void chunk(AttentionCall call, int n, int first, int keys, Tensor out, Tensor lse) {
    AttentionTiles tiles = call.tiles();
    for (int kvHead = 0; kvHead < call.k().dim(1); kvHead++) {
      if (!call.uses(kvHead)) {
        continue;
      }
      long key = (long) tiles.keyStart(n) + first;
      call.transposedPanels(call.k(), key, kvHead, keys, kPanels, row);
      call.panels(call.v(), key, kvHead, keys, vPanels);
      for (int head = 0; head < call.kvHeadOf().length; head++) {
        if (call.kvHeadOf()[head] != kvHead) {
          continue;
        }
        for (int query = 0; query < tiles.queryCount(n); query += QUERIES) {
          int rows = Math.min(QUERIES, tiles.queryCount(n) - query);
          if (visible(tiles, n, query, rows, first, keys)) {
            queryBlock(call, n, head, query, rows, first, keys, out, lse);
          }
        }
      }
    }
  }

  private void queryBlock(
      AttentionCall call,
      int n,
      int head,
      int query,
      int rows,
      int first,
      int keys,
      Tensor out,
      Tensor lse) {
    AttentionTiles tiles = call.tiles();
    long token = (long) tiles.queryStart(n) + query;
    int stride = call.rowStride();
    call.queryBlock(call.q(), token, head, rows, call.scale(), queries);
    VectorSoftmax.start(max, sum, rows);
    VectorMove.fill(sums_O, QUERIES * stride, 0);
    for (int key = 0; key < keys; key += KEYS) {
      int columns = Math.min(KEYS, keys - key);
      if (visible(tiles, n, query, rows, first + key, columns)) {
        keyBlock(call, n, query, rows, first, key, columns, keys);
      }
    }
    int heads = call.kvHeadOf().length;
    VectorSoftmax.finish(
        sums_O,
        rows,
        call.size(),
        stride,
        max,
        sum,
        Wide.address(out, call.queryAt(token, head)),
        call.queryStride(),
        Wide.address(lse, token * heads + head),
        heads);
  }

  private void keyBlock(
      AttentionCall call, int n, int query, int rows, int first, int key, int columns, int keys) {
    AttentionTiles tiles = call.tiles();
    int size = call.size();
    int stride = call.rowStride();
    VectorMove.fill(scores, QUERIES * SCORE_STRIDE, 0);
    Panels.multiply(
        rows,
        columns,
        size,
        queries,
        4L * stride,
        4,
        kPanels + 4L * key * size,
        0,
        size,
        scores,
        4L * SCORE_STRIDE);
    int low = tiles.minDelta(n);
    int high = tiles.maxDelta(n);
    if (!VectorSoftmax.allVisible(query, rows, first + key, columns, low, high)) {
      VectorSoftmax.mask(scores, rows, columns, SCORE_STRIDE, query, first + key, low, high);
    }
    VectorSoftmax.update(scores, rows, columns, SCORE_STRIDE, 1, max, sum, keep, lanes);
    VectorSoftmax.rescale(sums_O, rows, size, stride, keep);
    Panels.multiply(
        rows, size, columns, scores, 4L * SCORE_STRIDE, 4, vPanels, key, keys, sums_O, 4L * stride);
  }
}
