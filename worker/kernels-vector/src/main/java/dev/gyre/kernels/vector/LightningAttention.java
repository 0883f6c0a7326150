package dev.gyre.kernels.vector;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.DecayPattern;
import dev.gyre.kernels.LinearAttentionKernels;
import dev.gyre.kernels.Tensor;
import java.util.function.LongUnaryOperator;

/**
 * Linear attention with decay in tiles of at most {@value #TILE} tokens of one document. With
 * M[i][j] = λ^(i−j) for j ≤ i and 0 above, S the state before a tile of n tokens, and rows counted
 * from 0:
 *
 * <ol>
 *   <li>inside the tile: O = ((Q·Kᵀ)∘M)·V
 *   <li>from before: O[i] += λ^(i+1)·(Q[i]·S)
 *   <li>S = λⁿ·S + Σ_j λ^(n−1−j)·K[j]ᵀ·V[j]
 * </ol>
 *
 * Every power is of an exponent ≥ 0, so nothing overflows. Backward makes one pass in forward order
 * for dq and for the parts of dk and dv inside tiles, then one in reverse order with the state's
 * gradient G for the rest of dk and dv. Tiles are widened to f32; the matrix products are the
 * backend's own. Source: Qin et al., Lightning Attention-2, algorithms 1 and 2.
 *
 * <p>Single-threaded. No allocation once the memory has grown.
 */
final class LightningAttention implements LinearAttentionKernels {
  /**
   * A token costs 4·{@value #TILE}·D operations inside its tile and 4·D² with the state. With head
   * size 64 both are equal, and a tile's five blocks and the state (96 KB) stay in the second-level
   * cache.
   */
  static final int TILE = 64;

  private static final int PAD = 16;
  private static final int MASK_STRIDE = TILE + PAD;

  private final LongUnaryOperator memory;
  private final Products products;

  /** λⁿ of the current head, n from 0 to {@value #TILE}. */
  private final float[] powers = new float[TILE + 1];

  private int size;
  private int stride;

  /** λ^({@value #TILE}−1−x) for x below {@value #TILE}, then as many zeros: M's rows, shifted. */
  private long mask;

  private long s;
  private long q;
  private long k;
  private long v;
  private long dO;
  private long p;
  private long w;
  private long x;

  /**
   * @param memory returns memory of at least the given bytes, aligned to 64; valid until its next
   *     call
   */
  LightningAttention(LongUnaryOperator memory, Products products) {
    this.memory = memory;
    this.products = products;
  }

  private void layOut(int headSize) {
    size = headSize;
    stride = Panels.padded(headSize) + PAD;
    long block = Scratch.bytes((long) TILE * stride);
    long square = Scratch.bytes((long) TILE * MASK_STRIDE);
    long stateBytes = Scratch.bytes((long) headSize * stride);
    long masks = Scratch.bytes(2 * TILE);
    long blocks = masks + stateBytes + 5 * block + 2 * square;
    mask = memory.applyAsLong(blocks);
    s = mask + masks;
    q = s + stateBytes;
    k = q + block;
    v = k + block;
    dO = v + block;
    x = dO + block;
    p = x + block;
    w = p + square;
    VectorMove.fill(mask, Math.toIntExact(blocks / Float.BYTES), 0);
  }

  private void begin(DecayPattern pattern, int head) {
    for (int n = 0; n <= TILE; n++) {
      powers[n] = (float) pattern.decay(head, n);
    }
    for (int at = 0; at < TILE; at++) {
      Simd.set(mask + 4L * at, powers[TILE - 1 - at]);
    }
  }

  /** {@link dev.gyre.kernels.Kernels#linearAttention}, arguments checked. */
  @Override
  public void linearAttention(
      Tensor queries, Tensor keys, Tensor values, DecayPattern pattern, Tensor state, Tensor out) {
    if (out.elements() == 0) {
      return;
    }
    layOut(Math.toIntExact(queries.dim(2)));
    int tokens = Math.toIntExact(queries.dim(0));
    for (int head = 0; head < pattern.heads(); head++) {
      int kvHead = pattern.kvHeadOf(head);
      begin(pattern, head);
      loadState(state, head);
      int reset = 0;
      int n;
      for (int t = 0; t < tokens; t += n) {
        reset = enter(pattern, reset, t);
        n = Math.min(TILE, end(pattern, reset, tokens) - t);
        load(queries, t, head, n, q);
        load(keys, t, kvHead, n, k);
        load(values, t, kvHead, n, v);
        inside(n, q, k, p);
        VectorMove.fill(x, TILE * stride, 0);
        add(false, false, n, size, size, q, stride, s, stride, x, stride);
        decayRows(x, n, 1, 1);
        add(false, false, n, size, n, p, MASK_STRIDE, v, stride, x, stride);
        store(x, n, out, t, head);
        advance(n, k, v);
      }
      storeState(state, head);
    }
  }

  /** {@link dev.gyre.kernels.Kernels#linearAttentionState}, arguments checked. */
  @Override
  public void linearAttentionState(
      Tensor a, Tensor b, DecayPattern pattern, boolean backward, Tensor state) {
    if (a.elements() == 0) {
      return;
    }
    layOut(Math.toIntExact(a.dim(2)));
    int tokens = Math.toIntExact(a.dim(0));
    int resets = pattern.resets();
    for (int head = 0; head < pattern.heads(); head++) {
      begin(pattern, head);
      if (resets == 0) {
        loadState(state, head);
      } else {
        clearState();
      }
      int n;
      if (backward) {
        // After the first reset nothing depends on the state before the tokens.
        for (int end = resets == 0 ? tokens : pattern.reset(0); end > 0; end -= n) {
          n = Math.min(TILE, end);
          load(a, end - n, head, n, q);
          load(b, end - n, head, n, dO);
          advanceGradient(n);
        }
      } else {
        for (int t = resets == 0 ? 0 : pattern.reset(resets - 1); t < tokens; t += n) {
          n = Math.min(TILE, tokens - t);
          load(a, t, pattern.kvHeadOf(head), n, k);
          load(b, t, pattern.kvHeadOf(head), n, v);
          advance(n, k, v);
        }
      }
      storeState(state, head);
    }
  }

  /** {@link dev.gyre.kernels.Kernels#linearAttentionBackward}, arguments checked. */
  @Override
  public void linearAttentionBackward(
      Tensor queries,
      Tensor keys,
      Tensor values,
      DecayPattern pattern,
      Tensor state,
      Tensor dOut,
      Tensor dState,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    if (queries.elements() == 0) {
      return;
    }
    layOut(Math.toIntExact(queries.dim(2)));
    for (int head = 0; head < pattern.heads(); head++) {
      begin(pattern, head);
      loadState(state, head);
      forwardOrder(queries, keys, values, pattern, head, dOut, dq, dk, dv);
      loadState(dState, head);
      reverseOrder(queries, keys, values, pattern, head, dOut, dk, dv);
      storeState(dState, head);
    }
  }

  /** Pass in forward order: dq, and the parts of dk and dv from queries of the same tile. */
  private void forwardOrder(
      Tensor queries,
      Tensor keys,
      Tensor values,
      DecayPattern pattern,
      int head,
      Tensor dOut,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    int tokens = Math.toIntExact(queries.dim(0));
    int kvHead = pattern.kvHeadOf(head);
    int reset = 0;
    int n;
    for (int t = 0; t < tokens; t += n) {
      reset = enter(pattern, reset, t);
      n = Math.min(TILE, end(pattern, reset, tokens) - t);
      load(queries, t, head, n, q);
      load(keys, t, kvHead, n, k);
      load(values, t, kvHead, n, v);
      load(dOut, t, head, n, dO);
      inside(n, q, k, p);
      inside(n, dO, v, w);
      VectorMove.fill(x, TILE * stride, 0);
      add(false, true, n, size, size, dO, stride, s, stride, x, stride);
      decayRows(x, n, 1, 1);
      add(false, false, n, size, n, w, MASK_STRIDE, k, stride, x, stride);
      accumulate(x, n, dq, t, head);
      VectorMove.fill(x, TILE * stride, 0);
      add(true, false, n, size, n, w, MASK_STRIDE, q, stride, x, stride);
      accumulate(x, n, dk, t, kvHead);
      VectorMove.fill(x, TILE * stride, 0);
      add(true, false, n, size, n, p, MASK_STRIDE, dO, stride, x, stride);
      accumulate(x, n, dv, t, kvHead);
      advance(n, k, v);
    }
  }

  /**
   * Pass in reverse order: the parts of dk and dv from queries of later tiles, with the state's
   * gradient in s.
   */
  private void reverseOrder(
      Tensor queries,
      Tensor keys,
      Tensor values,
      DecayPattern pattern,
      int head,
      Tensor dOut,
      Tensor dk,
      Tensor dv) {
    int kvHead = pattern.kvHeadOf(head);
    int end = Math.toIntExact(queries.dim(0));
    for (int reset = pattern.resets(); reset >= 0; reset--) {
      int start = reset == 0 ? 0 : pattern.reset(reset - 1);
      int n;
      for (; end > start; end -= n) {
        int t = end - 1 - (end - 1 - start) % TILE; // the same tiles as in the forward-order pass
        n = end - t;
        load(queries, t, head, n, q);
        load(keys, t, kvHead, n, k);
        load(values, t, kvHead, n, v);
        load(dOut, t, head, n, dO);
        VectorMove.fill(x, TILE * stride, 0);
        add(false, true, n, size, size, v, stride, s, stride, x, stride);
        decayRows(x, n, n - 1, -1);
        accumulate(x, n, dk, t, kvHead);
        VectorMove.fill(x, TILE * stride, 0);
        add(false, false, n, size, size, k, stride, s, stride, x, stride);
        decayRows(x, n, n - 1, -1);
        accumulate(x, n, dv, t, kvHead);
        advanceGradient(n);
      }
      if (reset > 0) {
        clearState();
      }
    }
  }

  // --- documents --------------------------------------------------------------------------------

  /** Clears the state if a document starts at t. Returns the number of resets up to t. */
  private int enter(DecayPattern pattern, int reset, int t) {
    if (reset < pattern.resets() && pattern.reset(reset) == t) {
      clearState();
      return reset + 1;
    }
    return reset;
  }

  private static int end(DecayPattern pattern, int reset, int tokens) {
    return reset < pattern.resets() ? pattern.reset(reset) : tokens;
  }

  /** C [m,n] += op(A)·op(B); a transposed operand is stored as [k,m] or [n,k]. */
  private void add(
      boolean aTransposed,
      boolean bTransposed,
      int m,
      int n,
      int k,
      long a,
      int lda,
      long b,
      int ldb,
      long c,
      int ldc) {
    int flags =
        Products.ACCUMULATE
            | (aTransposed ? Products.TRANSPOSE_A : 0)
            | (bTransposed ? Products.TRANSPOSE_B : 0);
    products.multiply(flags, m, n, k, a, lda, b, ldb, c, ldc);
  }

  // --- products of a tile -----------------------------------------------------------------------

  /** square [n][n] = (a·bᵀ)∘M. */
  private void inside(int n, long a, long b, long square) {
    VectorMove.fill(square, TILE * MASK_STRIDE, 0);
    add(false, true, n, n, size, a, stride, b, stride, square, MASK_STRIDE);
    for (int i = 0; i < n; i++) {
      VectorDecay.multiply(
          mask + 4L * (TILE - 1 - i), square + 4L * i * MASK_STRIDE, Panels.padded(n));
    }
  }

  /** s = λⁿ·s + Σ_j λ^(n−1−j)·keys[j]ᵀ·values[j]; the keys are overwritten. */
  private void advance(int n, long keys, long values) {
    VectorMove.scale(powers[n], s, s, size * stride);
    decayRows(keys, n, n - 1, -1);
    add(true, false, size, size, n, keys, stride, values, stride, s, stride);
  }

  /** s = λⁿ·s + Σ_i λ^(i+1)·q[i]ᵀ·dO[i]; q is overwritten. */
  private void advanceGradient(int n) {
    VectorMove.scale(powers[n], s, s, size * stride);
    decayRows(q, n, 1, 1);
    add(true, false, size, size, n, q, stride, dO, stride, s, stride);
  }

  /** Row i of a block times λ^(first + i·step). */
  private void decayRows(long block, int n, int first, int step) {
    for (int i = 0; i < n; i++) {
      long at = block + 4L * i * stride;
      VectorMove.scale(powers[first + i * step], at, at, size);
    }
  }

  // --- between tensors and blocks ---------------------------------------------------------------

  private static long index(Tensor t, long token, int head) {
    return (token * t.dim(1) + head) * t.dim(2);
  }

  private void load(Tensor from, int token, int head, int n, long block) {
    boolean bf16 = from.dtype() == DType.BF16;
    for (int i = 0; i < n; i++) {
      long at = F32View.address(from, index(from, (long) token + i, head));
      if (bf16) {
        VectorMove.toF32(at, block + 4L * i * stride, size);
      } else {
        VectorMove.copy(at, block + 4L * i * stride, size);
      }
    }
  }

  private void store(long block, int n, Tensor to, int token, int head) {
    boolean bf16 = to.dtype() == DType.BF16;
    for (int i = 0; i < n; i++) {
      long at = F32View.address(to, index(to, (long) token + i, head));
      if (bf16) {
        VectorMove.toBf16(block + 4L * i * stride, at, size);
      } else {
        VectorMove.copy(block + 4L * i * stride, at, size);
      }
    }
  }

  private void accumulate(long block, int n, Tensor into, int token, int head) {
    for (int i = 0; i < n; i++) {
      long at = F32View.address(into, index(into, (long) token + i, head));
      VectorMove.add(block + 4L * i * stride, at, size);
    }
  }

  private void loadState(Tensor state, int head) {
    for (int d = 0; d < size; d++) {
      long at = F32View.address(state, ((long) head * size + d) * size);
      VectorMove.copy(at, s + 4L * d * stride, size);
    }
  }

  private void storeState(Tensor state, int head) {
    for (int d = 0; d < size; d++) {
      long at = F32View.address(state, ((long) head * size + d) * size);
      VectorMove.copy(s + 4L * d * stride, at, size);
    }
  }

  private void clearState() {
    VectorMove.fill(s, size * stride, 0);
  }
}
