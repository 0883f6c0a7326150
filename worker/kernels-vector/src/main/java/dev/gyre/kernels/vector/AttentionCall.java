package dev.gyre.kernels.vector;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;

/**
 * The tensors of one attention call as addresses and strides. The object is reused for every call,
 * so that blocks need no allocation. Queries are [Tq,H,D], keys and values [Tk,K,D].
 */
final class AttentionCall {
  /** Placeholder before the first call. */
  static final AttentionCall NONE = new AttentionCall();

  private int[] kvHeadOf = {};
  private AttentionTiles tiles = AttentionTiles.EMPTY;
  private long q;
  private long k;
  private long v;
  private int elementBytes;

  boolean bf16;
  int heads;

  /** D. */
  int size;

  /** Elements from one token's row to the next: H·D and K·D. */
  int queryStride;

  int keyStride;
  float scale;

  // Addresses of F32 tensors that the forward pass updates, and that the backward pass reads and
  // accumulates into.
  long out;
  long lse;
  long dOut;
  long delta;
  long dq;
  long dk;
  long dv;

  void set(Tensor q, Tensor k, Tensor v, int[] kvHeadOf, AttentionTiles tiles, float scale) {
    this.kvHeadOf = kvHeadOf;
    this.tiles = tiles;
    this.scale = scale;
    this.q = q.address();
    this.k = k.address();
    this.v = v.address();
    bf16 = q.dtype() == DType.BF16;
    elementBytes = q.dtype().bytes();
    heads = Math.toIntExact(q.dim(1));
    size = Math.toIntExact(q.dim(2));
    queryStride = Math.multiplyExact(heads, size);
    keyStride = Math.toIntExact(k.dim(1) * size);
  }

  AttentionTiles tiles() {
    return tiles;
  }

  int kvHead(int head) {
    return kvHeadOf[head];
  }

  /** Index of (tile's query, head) in a [Tq,H] tensor. */
  long queryRow(int tile, int query, int head) {
    return (long) (tiles.queryStart(tile) + query) * heads + head;
  }

  /** Offset in elements of (tile's key, the head's key/value head) in a [Tk,K,D] tensor. */
  long keyOffset(int tile, int key, int head) {
    return (long) (tiles.keyStart(tile) + key) * keyStride + (long) kvHeadOf[head] * size;
  }

  long q(int tile, int query, int head) {
    return q + queryRow(tile, query, head) * size * elementBytes;
  }

  long k(int tile, int key, int head) {
    return k + keyOffset(tile, key, head) * elementBytes;
  }

  long v(int tile, int key, int head) {
    return v + keyOffset(tile, key, head) * elementBytes;
  }
}
