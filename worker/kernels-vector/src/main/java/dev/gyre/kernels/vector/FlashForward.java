package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Products.ACCUMULATE;
import static dev.gyre.kernels.vector.Products.BF16_IN;
import static dev.gyre.kernels.vector.Products.PAIRED_B;

import java.util.Arrays;

/**
 * Attention forward, block by block, on transposed scores: rows are keys, lanes are queries. With m
 * for each query near the running maximum of s·scale·log₂e, a whole number, and l the running sum
 * of p = 2^(s·scale·log₂e − m):
 *
 * <ol>
 *   <li>sᵀ = k·qᵀ for the block's pairs
 *   <li>m' from the largest s·scale·log₂e; l ← l·2^(m−m') + Σ p; accᵀ ← accᵀ·2^(m−m')
 *   <li>accᵀ ← accᵀ + vᵀ·pᵀ
 * </ol>
 *
 * and at the end lse = m·ln 2 + ln l is merged with what (out, lse) already cover. m is raised only
 * when the largest probability exceeds 2^8. Until then nothing is rescaled, and sums lose no
 * accuracy by probabilities above 1. As m is a whole number, rescaling is exact. Results are
 * divided by the sum of the p that products read, which may be rounded to BF16; lse is computed
 * from the sum of the unrounded p. Source: Dao, FlashAttention-2, algorithm 1; the late rescaling
 * is FlashAttention-4's.
 */
final class FlashForward extends BlockWalk implements AutoCloseable {
  static final double LN2 = 0.6931471805599453;
  static final double LOG2E = 1.4426950408889634;

  /** How far scores may exceed m, in powers of two: values of v must stay below 2^119. */
  private static final float GROWTH = 8f;

  /** m of a query without keys so far: far below any score in range. */
  private static final float NONE = ScoreLanes.LEAST_SHIFT - 2 * GROWTH;

  /**
   * Row stride, in lanes, of scores and equally shaped blocks: no power of two, so that rows do not
   * share cache sets.
   */
  static final int LANE_STRIDE = QUERIES + 16;

  /** Row stride of transposed keys. */
  static final int KEY_STRIDE = KEYS + 32;

  private final Products products;
  private final Scratch memory = new Scratch();
  private final AttentionOperands operands = new AttentionOperands();
  private final float[] shifts = new float[RUN];
  private AttentionCall call = AttentionCall.NONE;
  private float scale2;
  private float hidden;

  // State of one block.
  private long scores;
  private long probabilities;
  private long keyRows;
  private int keyStride;
  private long valuesTransposed;
  private int firstKey;

  // State of one run: operand and accumulators for each part of QUERIES queries.
  private long queries;
  private long queriesBytes;
  private long accumulators;
  private long accumulatorBytes;
  private int firstQuery;

  // One float per query of the run.
  private long bases;
  private long sums;
  private long roundedSums;

  /** One float per lane of a vector. */
  private long lanes;

  /** Transposed results of {@link #QUERIES} queries, and one block of key rows. */
  private long rows;

  FlashForward(Products products) {
    this.products = products;
  }

  /**
   * The part of {@link dev.gyre.kernels.Kernels#attention} for one head and the queries of one run;
   * scale is above 0 and D at least 1.
   */
  void run(AttentionCall call, int head, int run) {
    this.call = call;
    scale2 = (float) (call.scale * LOG2E);
    hidden = ScoreLanes.hidden(scale2);
    operands.set(call, products.pairs());
    reserve(operands.depth, call.size);
    long from = (long) run * RUN;
    walk(call.tiles(), head, from, from + RUN);
  }

  private void reserve(int depth, int size) {
    long blockBytes = (long) KEYS * LANE_STRIDE * Float.BYTES;
    long transposedBytes = Scratch.bytes((long) size * KEY_STRIDE);
    queriesBytes = Scratch.bytes((long) depth * LANE_STRIDE);
    accumulatorBytes = Scratch.bytes((long) size * LANE_STRIDE);
    long rowsBytes = Scratch.bytes((long) KEYS * (depth + Simd.LANES));
    long lanesBytes = Scratch.bytes(RUN);
    int parts = RUN / QUERIES;
    scores =
        memory.reserve(
            2 * blockBytes
                + transposedBytes
                + parts * (queriesBytes + accumulatorBytes)
                + rowsBytes
                + 4 * lanesBytes);
    // F32 probabilities overwrite the scores.
    probabilities = call.bf16 ? scores + blockBytes : scores;
    valuesTransposed = scores + 2 * blockBytes;
    queries = valuesTransposed + transposedBytes;
    accumulators = queries + parts * queriesBytes;
    rows = accumulators + parts * accumulatorBytes;
    bases = rows + rowsBytes;
    sums = bases + lanesBytes;
    roundedSums = sums + lanesBytes;
    lanes = roundedSums + lanesBytes;
  }

  @Override
  void begin(int tile, int head, int query, int count) {
    firstQuery = query;
    for (int part = 0; part * QUERIES < count; part++) {
      int first = part * QUERIES;
      int here = Math.min(QUERIES, count - first);
      long from = call.q(tile, query + first, head);
      int stride = call.queryStride;
      if (operands.depth != call.size) {
        operands.copyRows(from, stride, here, rows);
        from = rows;
        stride = operands.depth;
      }
      long to = queries + part * queriesBytes;
      operands.transposeQueries(from, stride, here, lanes(here), to, LANE_STRIDE);
      ScoreLanes.fill(accumulators + part * accumulatorBytes, 0, call.size * LANE_STRIDE, 0f);
    }
    Arrays.fill(shifts, 0, padded(count), NONE);
    ScoreLanes.fill(bases, 0, padded(count), ScoreLanes.ROUNDER - ScoreLanes.LEAST_SHIFT);
    ScoreLanes.fill(sums, 0, padded(count), 0f);
    ScoreLanes.fill(roundedSums, 0, padded(count), 0f);
  }

  private static int padded(int queries) {
    return AttentionOperands.padded(queries, GRAIN);
  }

  /** Queries of a block, rounded up to the granularity of products and vectors. */
  static int lanes(int queries) {
    return padded(queries);
  }

  @Override
  void keysBegin(int tile, int head, int key, int count) {
    firstKey = key;
    keyRows = call.k(tile, key, head);
    keyStride = call.keyStride;
    if (!operands.direct(count)) {
      operands.copyRows(keyRows, keyStride, count, rows);
      keyRows = rows;
      keyStride = operands.depth;
    }
    long v = call.v(tile, key, head);
    operands.transposeKeys(v, call.keyStride, count, valuesTransposed, KEY_STRIDE);
  }

  @Override
  void block(int tile, int head, int query, int count, int key, int keys, boolean cut) {
    int kind = kind(count, keys);
    int row = query - firstQuery;
    int part = row / QUERIES;
    int lane = row % QUERIES;
    int width = lanes(count);
    int inner = operands.inner(keys);
    int bytes = operands.bytes;
    long keysHere = keyRows + (long) (key - firstKey) * keyStride * bytes;
    long queriesHere = queries + part * queriesBytes + lane * laneBytes();
    products.multiply(
        kind,
        inner,
        width,
        operands.depth,
        keysHere,
        keyStride,
        queriesHere,
        LANE_STRIDE,
        scores,
        LANE_STRIDE);
    int rowBytes = LANE_STRIDE * Float.BYTES;
    if (cut) {
      hide(call.tiles(), tile, query, count, key, keys, scores, rowBytes, hidden);
    }
    for (int j = keys; j < inner; j++) {
      ScoreLanes.fill(scores + (long) j * rowBytes, 0, width, hidden);
    }
    long acc = accumulators + part * accumulatorBytes + 4L * lane;
    for (int i = 0; i < width; i += Simd.LANES) {
      softmax(row + i, 4L * i, inner, acc + 4L * i);
    }
    if (call.bf16 && !operands.pairs) {
      narrow(scores, probabilities, inner, width);
    }
    products.multiply(
        ACCUMULATE | kind,
        call.size,
        width,
        inner,
        valuesTransposed + (long) (key - firstKey) * bytes,
        KEY_STRIDE,
        probabilities,
        LANE_STRIDE,
        acc,
        LANE_STRIDE);
  }

  private int kind(int queries, int keys) {
    int recurring = queries % STRIP == 0 && keys % STRIP == 0 ? Products.RECURRING : 0;
    return recurring | (call.bf16 ? BF16_IN : 0) | (operands.pairs ? PAIRED_B : 0);
  }

  /** Bytes from one lane to the next of a right-hand operand. */
  private long laneBytes() {
    return call.bf16 && !operands.pairs ? 2 : 4;
  }

  /** Rows of F32 lanes as rows of BF16 with the same number of elements. */
  static void narrow(long from, long to, int rows, int width) {
    for (int j = 0; j < rows; j++) {
      long row = (long) j * LANE_STRIDE;
      VectorMove.toBf16(from + 4 * row, to + 2 * row, width);
    }
  }

  /** Pass 2 for one vector of queries. */
  private void softmax(int row, long laneOffset, int keys, long acc) {
    int rowBytes = LANE_STRIDE * Float.BYTES;
    long block = scores + laneOffset;
    ScoreLanes.maxima(block, rowBytes, keys, lanes);
    if (grows(row)) {
      grow(row, acc);
    }
    long offset = 4L * row;
    ScoreLanes.exponentials(block, rowBytes, keys, scale2, bases + offset, sums + offset);
    long rounded = roundedSums + offset;
    if (operands.pairs) {
      ScoreLanes.roundToPairs(block, rowBytes, keys, rounded, probabilities + laneOffset);
    } else if (call.bf16) {
      ScoreLanes.round(block, rowBytes, keys, rounded);
    }
  }

  /** Whether a lane's largest score is far above m. */
  private boolean grows(int row) {
    boolean grows = false;
    for (int i = 0; i < Simd.LANES; i++) {
      grows |= Simd.get(lanes + 4L * i) * scale2 > shifts[row + i] + GROWTH;
    }
    return grows;
  }

  private void grow(int row, long acc) {
    boolean scales = false;
    for (int i = 0; i < Simd.LANES; i++) {
      long at = 4L * (row + i);
      float before = shifts[row + i];
      float seen = Simd.get(lanes + 4L * i) * scale2;
      float keep = 1f;
      if (seen > before + GROWTH) {
        float after =
            Math.clamp((float) Math.rint(seen), ScoreLanes.LEAST_SHIFT, ScoreLanes.MOST_SHIFT);
        keep = before == NONE ? 0f : Math.scalb(1f, (int) Math.max(before - after, -200f));
        scales |= before != NONE;
        shifts[row + i] = after;
        Simd.set(bases + at, ScoreLanes.ROUNDER - after);
        Simd.set(sums + at, Simd.get(sums + at) * keep);
        Simd.set(roundedSums + at, Simd.get(roundedSums + at) * keep);
      }
      Simd.set(lanes + 4L * i, keep);
    }
    if (scales) {
      ScoreLanes.scale(acc, LANE_STRIDE * Float.BYTES, call.size, lanes);
    }
  }

  @Override
  void keysEnd(int tile, int head, int key, int count) {}

  @Override
  void end(int tile, int head, int query, int count) {
    int stride = operands.size;
    for (int part = 0; part * QUERIES < count; part++) {
      int first = part * QUERIES;
      int here = Math.min(QUERIES, count - first);
      long acc = accumulators + part * accumulatorBytes;
      operands.transposeResult(acc, (long) LANE_STRIDE * Float.BYTES, here, rows, stride);
      for (int i = 0; i < here; i++) {
        join(tile, head, query, first + i, rows + 4L * i * stride);
      }
    }
  }

  private void join(int tile, int head, int query, int i, long part) {
    float sum = Simd.get(sums + 4L * i);
    // Each query of a run sees a key; its sum is 0 only if its scores are out of range.
    double here = sum == 0 ? Double.NaN : shifts[i] * LN2 + StrictMath.log(sum);
    double factor = 1.0 / (call.bf16 ? Simd.get(roundedSums + 4L * i) : sum);
    long row = call.queryRow(tile, query + i, head);
    join(part, call.size, here, factor, call.out + row * call.size * Float.BYTES, call.lse, row);
  }

  /**
   * Merges {@code part·factor}, whose log-sum-exp is {@code partLse}, into a running row: lse' =
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
    ScoreLanes.blend(part, size, (float) share, keep, out);
  }

  @Override
  public void close() {
    memory.close();
    operands.close();
  }
}
