package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.FlashForward.KEY_STRIDE;
import static dev.gyre.kernels.vector.FlashForward.LANE_STRIDE;
import static dev.gyre.kernels.vector.Products.ACCUMULATE;
import static dev.gyre.kernels.vector.Products.BF16_IN;
import static dev.gyre.kernels.vector.Products.PAIRED_B;

/**
 * Attention backward, block by block, on transposed scores: rows are keys, lanes are queries.
 *
 * <ol>
 *   <li>sᵀ = k·qᵀ and dpᵀ = v·dOutᵀ for the block's pairs
 *   <li>pᵀ = exp(sᵀ·scale − lse); dsᵀ = pᵀ∘(dpᵀ − delta)·scale
 *   <li>dv += pᵀ·dOut; dqᵀ += kᵀ·dsᵀ; dk += dsᵀ·q
 * </ol>
 *
 * dk and dv are summed over a run of queries, dqᵀ over all keys, before they are added to the
 * tensors. Source: Dao, FlashAttention-2, algorithm 2.
 */
final class FlashBackward extends BlockWalk implements AutoCloseable {
  /**
   * Row stride, in queries, of BF16 p or ds as a left-hand operand: an odd number of cache lines.
   */
  private static final int PAIR_STRIDE = QUERIES + 32;

  private static final int ROW_BYTES = LANE_STRIDE * Float.BYTES;

  /**
   * Operands of each part of a run, stored one after another: q and dOut, each transposed and as
   * rows.
   */
  private static final int OPERANDS = 4;

  private final Products products;
  private final Scratch memory = new Scratch();
  private final AttentionOperands operands = new AttentionOperands();
  private AttentionCall call = AttentionCall.NONE;
  private float scale2;
  private float hidden;

  // State of one block.
  private int kind;
  private long scores;
  private long dProbabilities;
  private long p;
  private long ds;
  private long dsPairs;

  // State of the block's keys.
  private long keyRows;
  private int keyStride;
  private long valueRows;
  private long keyCopies;
  private long valueCopies;
  private long keysTransposed;
  private long dKeys;
  private long dValues;
  private int firstKey;

  // State of one run, for each part of QUERIES queries.
  private long queries;
  private long operandBytes;
  private long dQueries;
  private long dQueryBytes;
  private int firstQuery;

  // Rows of q and dOut as right-hand operands, alternating.
  private final long[] queryRows = new long[2 * RUN / QUERIES];
  private final int[] queryStrides = new int[2 * RUN / QUERIES];

  /** For each query of the run: base, factor and shift, as {@link ScoreLanes#gradients} asks. */
  private long lanes;

  private long laneBytes;

  /** dq of {@link #QUERIES} queries. */
  private long transposedRows;

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
    hidden = ScoreLanes.hidden(scale2);
    operands.set(call, products.pairs());
    reserve(operands.depth, call.size);
    for (int head = 0; head < call.heads; head++) {
      if (call.kvHead(head) == kvHead) {
        walk(call.tiles(), head, 0, Long.MAX_VALUE);
      }
    }
  }

  private void reserve(int depth, int size) {
    long blockBytes = (long) KEYS * LANE_STRIDE * Float.BYTES;
    long rowsBytes = Scratch.bytes((long) KEYS * depth);
    long transposedBytes = Scratch.bytes((long) size * KEY_STRIDE);
    operandBytes = Scratch.bytes((long) depth * LANE_STRIDE);
    dQueryBytes = Scratch.bytes((long) (size + Simd.LANES) * LANE_STRIDE);
    laneBytes = Scratch.bytes(RUN);
    int parts = RUN / QUERIES;
    scores =
        memory.reserve(
            5 * blockBytes
                + 4 * rowsBytes
                + transposedBytes
                + parts * (OPERANDS * operandBytes + dQueryBytes)
                + 3 * laneBytes
                + dQueryBytes);
    dProbabilities = scores + blockBytes;
    // In F32, p and ds overwrite the scores they are computed from.
    p = call.bf16 ? dProbabilities + blockBytes : scores;
    ds = call.bf16 ? p + blockBytes : dProbabilities;
    dsPairs = dProbabilities + 3 * blockBytes;
    keyCopies = scores + 5 * blockBytes;
    valueCopies = keyCopies + rowsBytes;
    dKeys = valueCopies + rowsBytes;
    dValues = dKeys + rowsBytes;
    keysTransposed = dValues + rowsBytes;
    queries = keysTransposed + transposedBytes;
    dQueries = queries + (long) parts * OPERANDS * operandBytes;
    lanes = dQueries + parts * dQueryBytes;
    transposedRows = lanes + 3 * laneBytes;
  }

  @Override
  void begin(int tile, int head, int query, int count) {
    firstQuery = query;
    for (int part = 0; part * QUERIES < count; part++) {
      int first = part * QUERIES;
      int here = Math.min(QUERIES, count - first);
      boolean dead = setLanes(tile, head, query, first, here);
      long offset = call.queryRow(tile, query + first, head) * call.size * operands.bytes;
      pack(2 * part, call.q(tile, query + first, head), here, first, dead);
      pack(2 * part + 1, call.dOut + offset, here, first, dead);
      ScoreLanes.fill(dQueries + part * dQueryBytes, 0, call.size * LANE_STRIDE, 0f);
    }
  }

  /**
   * Sets the lanes of the run's queries from {@code first} on.
   *
   * @return whether one of them has lse −∞, so that it contributes nothing
   */
  private boolean setLanes(int tile, int head, int query, int first, int count) {
    boolean dead = false;
    for (int i = first; i < first + FlashForward.lanes(count); i++) {
      float lse = Float.NEGATIVE_INFINITY;
      float delta = 0f;
      if (i < first + count) {
        long row = call.queryRow(tile, query + i, head);
        lse = Simd.get(call.lse + 4L * row);
        delta = Simd.get(call.delta + 4L * row);
        dead |= lse == Float.NEGATIVE_INFINITY;
      }
      setLane(lanes + 4L * i, lse, delta);
    }
    return dead;
  }

  private void setLane(long at, float lse, float delta) {
    boolean dead = lse == Float.NEGATIVE_INFINITY;
    double lse2 = dead ? ScoreLanes.MOST_SHIFT : lse * FlashForward.LOG2E;
    double whole = Math.clamp(Math.rint(lse2), ScoreLanes.LEAST_SHIFT, ScoreLanes.MOST_SHIFT);
    float factor = VectorRows.exp((float) ((whole - lse2) * FlashForward.LN2));
    Simd.set(at, ScoreLanes.ROUNDER - (float) whole);
    Simd.set(at + laneBytes, dead ? 0f : factor);
    Simd.set(at + 2 * laneBytes, dead ? 0f : -delta * call.scale);
  }

  /** Packs the rows of q or dOut of one part as both operands: transposed, and as rows. */
  private void pack(int index, long from, int count, int lane, boolean dead) {
    long transposed = queries + 2L * index * operandBytes;
    long source = from;
    int stride = call.queryStride;
    if (dead || operands.depth != call.size) {
      source = operands.pairs ? keyCopies : transposed + operandBytes;
      operands.copyRows(from, stride, count, source);
      stride = operands.depth;
      clearDead(source, count, lane);
    }
    int width = FlashForward.lanes(count);
    operands.transposeQueries(source, stride, count, width, transposed, LANE_STRIDE);
    queryRows[index] = source;
    queryStrides[index] = stride;
    if (operands.pairs) {
      queryRows[index] = transposed + operandBytes;
      queryStrides[index] = operands.depth;
      operands.pairQueries(source, stride, count, width, transposed + operandBytes);
    }
  }

  private void clearDead(long rows, int count, int lane) {
    long rowBytes = (long) operands.depth * operands.bytes;
    for (int i = 0; i < count; i++) {
      if (Simd.get(lanes + laneBytes + 4L * (lane + i)) == 0f) {
        VectorMove.clear(rows + i * rowBytes, rowBytes);
      }
    }
  }

  @Override
  void keysBegin(int tile, int head, int key, int count) {
    firstKey = key;
    keyRows = call.k(tile, key, head);
    valueRows = call.v(tile, key, head);
    keyStride = call.keyStride;
    operands.transposeKeys(keyRows, keyStride, count, keysTransposed, KEY_STRIDE);
    if (!operands.direct(count)) {
      operands.copyRows(keyRows, keyStride, count, keyCopies);
      operands.copyRows(valueRows, keyStride, count, valueCopies);
      keyRows = keyCopies;
      valueRows = valueCopies;
      keyStride = operands.depth;
    }
    int elements = operands.inner(count) * operands.depth;
    ScoreLanes.fill(dKeys, 0, elements, 0f);
    ScoreLanes.fill(dValues, 0, elements, 0f);
  }

  @Override
  void block(int tile, int head, int query, int count, int key, int keys, boolean cut) {
    int row = query - firstQuery;
    int part = row / QUERIES;
    int lane = row % QUERIES;
    int width = FlashForward.lanes(count);
    int inner = operands.inner(keys);
    kind =
        (count % STRIP == 0 && keys % STRIP == 0 ? Products.RECURRING : 0)
            | (call.bf16 ? BF16_IN : 0)
            | (operands.pairs ? PAIRED_B : 0);
    scores(part, lane, width, key - firstKey, inner);
    if (cut) {
      hide(call.tiles(), tile, query, count, key, keys, scores, ROW_BYTES, hidden);
    }
    for (int j = keys; j < inner; j++) {
      ScoreLanes.fill(scores + (long) j * ROW_BYTES, 0, width, hidden);
    }
    gradients(row, width, inner);
    addTo(part, lane, count, key - firstKey, inner);
  }

  /** Pass 1: scores of the block. */
  private void scores(int part, int lane, int width, int key, int keys) {
    int depth = operands.depth;
    int bytes = operands.bytes;
    long q = queries + 4L * part * operandBytes + (long) lane * (operands.pairs ? 4 : bytes);
    long dOut = q + 2 * operandBytes;
    long k = keyRows + (long) key * keyStride * bytes;
    long v = valueRows + (long) key * keyStride * bytes;
    products.multiply(kind, keys, width, depth, k, keyStride, q, LANE_STRIDE, scores, LANE_STRIDE);
    products.multiply(
        kind, keys, width, depth, v, keyStride, dOut, LANE_STRIDE, dProbabilities, LANE_STRIDE);
  }

  /** Pass 2: p and ds. */
  private void gradients(int row, int width, int keys) {
    for (int i = 0; i < width; i += Simd.LANES) {
      long at = 4L * i;
      long lane = lanes + 4L * (row + i);
      ScoreLanes.gradients(
          scores + at, dProbabilities + at, ROW_BYTES, keys, scale2, call.scale, lane, laneBytes);
    }
    if (operands.pairs) {
      pairs(width, keys);
    } else if (call.bf16) {
      FlashForward.narrow(scores, p, keys, width);
      FlashForward.narrow(dProbabilities, ds, keys, width);
    }
  }

  private void pairs(int width, int keys) {
    int toBytes = 2 * PAIR_STRIDE;
    for (int i = 0; i < width; i += 2 * Simd.LANES) {
      long at = 4L * i;
      long pair = 2L * i;
      ScoreLanes.pairQueries(scores + at, ROW_BYTES, keys, p + pair, toBytes);
      ScoreLanes.pairQueries(dProbabilities + at, ROW_BYTES, keys, ds + pair, toBytes);
      ScoreLanes.transposePairs(ds + pair, toBytes, keys, dsPairs + at, ROW_BYTES);
    }
  }

  /** Pass 3: accumulates dv, dq and dk. */
  private void addTo(int part, int lane, int count, int key, int keys) {
    int depth = operands.depth;
    int size = call.size;
    boolean pairs = operands.pairs;
    int sum = pairs ? FlashForward.lanes(count) : count;
    int stride = pairs ? PAIR_STRIDE : LANE_STRIDE;
    int columns = pairs ? depth : size;
    int q = 2 * part;
    long dv = dValues + 4L * key * depth;
    long dk = dKeys + 4L * key * depth;
    int add = kind | ACCUMULATE;
    int width = FlashForward.lanes(count);
    products.multiply(
        add, keys, columns, sum, p, stride, rowsFrom(q + 1, lane), queryStrides[q + 1], dv, depth);
    products.multiply(
        add,
        size,
        width,
        keys,
        keysTransposed + (long) key * operands.bytes,
        KEY_STRIDE,
        pairs ? dsPairs : ds,
        LANE_STRIDE,
        dQueries + part * dQueryBytes + 4L * lane,
        LANE_STRIDE);
    products.multiply(
        add, keys, columns, sum, ds, stride, rowsFrom(q, lane), queryStrides[q], dk, depth);
  }

  /** Rows of q or dOut as the right-hand operand of sums over queries, from a lane on. */
  private long rowsFrom(int index, int lane) {
    return queryRows[index] + (long) lane * queryStrides[index] * operands.bytes;
  }

  @Override
  void keysEnd(int tile, int head, int key, int count) {
    int depth = operands.depth;
    for (int j = 0; j < count; j++) {
      long to = call.keyOffset(tile, key + j, head) * Float.BYTES;
      long from = 4L * j * depth;
      VectorMove.add(dKeys + from, call.dk + to, call.size);
      VectorMove.add(dValues + from, call.dv + to, call.size);
    }
  }

  @Override
  void end(int tile, int head, int query, int count) {
    int size = call.size;
    for (int part = 0; part * QUERIES < count; part++) {
      int first = part * QUERIES;
      int here = Math.min(QUERIES, count - first);
      operands.transposeResult(
          dQueries + part * dQueryBytes, ROW_BYTES, here, transposedRows, size);
      for (int i = 0; i < here; i++) {
        long row = call.queryRow(tile, query + first + i, head);
        VectorMove.add(transposedRows + 4L * i * size, call.dq + row * size * Float.BYTES, size);
      }
    }
  }

  @Override
  public void close() {
    memory.close();
    operands.close();
  }
}
