package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.AttentionCall.KEYS;
import static dev.gyre.kernels.vector.AttentionCall.QUERIES;
import static dev.gyre.kernels.vector.AttentionCall.SCORE_STRIDE;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Tensor;

/**
 * Blocked attention backward. Keys go in chunks whose panels and gradients stay in the cache; for
 * each query block and each key block of the chunk that the band touches:
 *
 * <ol>
 *   <li>P = exp(scale·Q·Kᵀ − lse), 0 outside the band
 *   <li>dV += Pᵀ·dO
 *   <li>dS = P∘(dO·Vᵀ − delta)
 *   <li>dK += dSᵀ·(scale·Q), dQ += dS·K, scaled when it leaves the block
 * </ol>
 *
 * Source: Dao, FlashAttention-2, algorithm 2.
 */
final class FlashBackward {
  /** Keys held at a time: with heads of 64, the five blocks take 720 KB. */
  private static final int CHUNK = 3 * KEYS;

  private final Scratch scratch;
  private long kTransposed;
  private long vTransposed;
  private long kPanels;
  private long dk;
  private long dv;
  private long q;
  private long dO;
  private long qPanels;
  private long dOPanels;
  private long dq;
  private long scores;
  private long dScores;
  private long lanes;
  private long row;

  /** Where the gradients go and what the forward pass left. */
  record Outputs(Tensor dOut, Tensor lse, Tensor delta, Tensor dq, Tensor dk, Tensor dv) {}

  FlashBackward(Scratch scratch) {
    this.scratch = scratch;
  }

  void run(AttentionCall call, Outputs outputs) {
    AttentionTiles tiles = call.tiles();
    layOut(call);
    for (int n = 0; n < tiles.count(); n++) {
      for (int first = 0; first < tiles.keyCount(n); first += CHUNK) {
        int keys = Math.min(CHUNK, tiles.keyCount(n) - first);
        if (!FlashForward.visible(tiles, n, 0, tiles.queryCount(n), first, keys)) {
          continue;
        }
        for (int kvHead = 0; kvHead < call.k().dim(1); kvHead++) {
          if (call.uses(kvHead)) {
            chunk(call, n, kvHead, first, keys, outputs);
          }
        }
      }
    }
  }

  private void layOut(AttentionCall call) {
    long rows = Scratch.bytes((long) QUERIES * call.rowStride());
    long keys = Scratch.bytes((long) CHUNK * call.rowStride());
    long block = Scratch.bytes((long) QUERIES * SCORE_STRIDE);
    kTransposed =
        scratch.reserve(
            5 * keys
                + 5 * rows
                + 2 * block
                + Scratch.bytes(Simd.LANES)
                + Scratch.bytes(call.size()));
    vTransposed = kTransposed + keys;
    kPanels = vTransposed + keys;
    dk = kPanels + keys;
    dv = dk + keys;
    q = dv + keys;
    dO = q + rows;
    qPanels = dO + rows;
    dOPanels = qPanels + rows;
    dq = dOPanels + rows;
    scores = dq + rows;
    dScores = scores + block;
    lanes = dScores + block;
    row = lanes + Scratch.bytes(Simd.LANES);
  }

  private void chunk(AttentionCall call, int n, int kvHead, int first, int keys, Outputs outputs) {
    AttentionTiles tiles = call.tiles();
    int stride = call.rowStride();
    long key = (long) tiles.keyStart(n) + first;
    call.transposedPanels(call.k(), key, kvHead, keys, kTransposed, row);
    call.transposedPanels(call.v(), key, kvHead, keys, vTransposed, row);
    call.panels(call.k(), key, kvHead, keys, kPanels);
    VectorMove.fill(dk, CHUNK * stride, 0);
    VectorMove.fill(dv, CHUNK * stride, 0);
    for (int head = 0; head < call.kvHeadOf().length; head++) {
      if (call.kvHeadOf()[head] != kvHead) {
        continue;
      }
      for (int query = 0; query < tiles.queryCount(n); query += QUERIES) {
        int rows = Math.min(QUERIES, tiles.queryCount(n) - query);
        if (FlashForward.visible(tiles, n, query, rows, first, keys)) {
          queryBlock(call, n, head, query, rows, first, keys, outputs);
        }
      }
    }
    for (int j = 0; j < keys; j++) {
      long at = call.keyAt(key + j, kvHead);
      VectorMove.add(dk + 4L * j * stride, Wide.address(outputs.dk, at), call.size());
      VectorMove.add(dv + 4L * j * stride, Wide.address(outputs.dv, at), call.size());
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
      Outputs outputs) {
    AttentionTiles tiles = call.tiles();
    int size = call.size();
    int stride = call.rowStride();
    int heads = call.kvHeadOf().length;
    long token = (long) tiles.queryStart(n) + query;
    call.queryBlock(call.q(), token, head, rows, call.scale(), q);
    call.queryBlock(outputs.dOut, token, head, rows, 1, dO);
    Panels.packRows(q, false, stride, rows, size, qPanels, 0, rows);
    Panels.packRows(dO, false, stride, rows, size, dOPanels, 0, rows);
    VectorMove.fill(dq, QUERIES * stride, 0);
    long lse = Wide.address(outputs.lse, token * heads + head);
    long delta = Wide.address(outputs.delta, token * heads + head);
    for (int key = 0; key < keys; key += KEYS) {
      int columns = Math.min(KEYS, keys - key);
      if (FlashForward.visible(tiles, n, query, rows, first + key, columns)) {
        gradients(call, n, query, rows, first, key, columns, lse, delta);
        accumulate(call, rows, key, columns, keys);
      }
    }
    for (int r = 0; r < rows; r++) {
      long to = Wide.address(outputs.dq, call.queryAt(token + r, head));
      VectorMove.addScaled(call.scale(), dq + 4L * r * stride, to, size);
    }
  }

  /** scores = P and dScores = dS of one block. */
  private void gradients(
      AttentionCall call,
      int n,
      int query,
      int rows,
      int first,
      int key,
      int columns,
      long lse,
      long delta) {
    AttentionTiles tiles = call.tiles();
    int size = call.size();
    int heads = call.kvHeadOf().length;
    long rowBytes = 4L * call.rowStride();
    long scoreBytes = 4L * SCORE_STRIDE;
    long panel = 4L * key * size;
    VectorMove.fill(scores, QUERIES * SCORE_STRIDE, 0);
    Panels.multiply(
        rows, columns, size, q, rowBytes, 4, kTransposed + panel, 0, size, scores, scoreBytes);
    int low = tiles.minDelta(n);
    int high = tiles.maxDelta(n);
    if (!VectorSoftmax.allVisible(query, rows, first + key, columns, low, high)) {
      VectorSoftmax.mask(scores, rows, columns, SCORE_STRIDE, query, first + key, low, high);
    }
    VectorSoftmax.probabilities(scores, rows, columns, SCORE_STRIDE, 1, lse, heads, lanes);
    VectorMove.fill(dScores, QUERIES * SCORE_STRIDE, 0);
    Panels.multiply(
        rows, columns, size, dO, rowBytes, 4, vTransposed + panel, 0, size, dScores, scoreBytes);
    VectorSoftmax.scoreGradients(scores, dScores, rows, columns, SCORE_STRIDE, 1, delta, heads);
  }

  /** dV += Pᵀ·dO, dK += dSᵀ·Q, dQ += dS·K of one block. */
  private void accumulate(AttentionCall call, int rows, int key, int columns, int keys) {
    int size = call.size();
    long rowBytes = 4L * call.rowStride();
    long scoreBytes = 4L * SCORE_STRIDE;
    Panels.multiply(
        columns,
        size,
        rows,
        scores,
        4,
        scoreBytes,
        dOPanels,
        0,
        rows,
        dv + key * rowBytes,
        rowBytes);
    Panels.multiply(
        columns,
        size,
        rows,
        dScores,
        4,
        scoreBytes,
        qPanels,
        0,
        rows,
        dk + key * rowBytes,
        rowBytes);
    Panels.multiply(rows, size, columns, dScores, scoreBytes, 4, kPanels, key, keys, dq, rowBytes);
  }
}
