package dev.gyre.kernels;

import static dev.gyre.kernels.DType.BF16;
import static dev.gyre.kernels.DType.F32;
import static dev.gyre.kernels.DType.F64;
import static dev.gyre.kernels.DType.I32;

/**
 * What each kernel of {@link Kernels} requires of its arguments' shapes and dtypes: one method per
 * kernel (kernels with equal requirements share one), called by {@link CheckedKernels}. Each throws
 * {@link IllegalArgumentException} that names the argument, what was wanted and what was given.
 */
public final class KernelChecks {
  private KernelChecks() {}

  static void copy(Tensor from, Tensor to) {
    sameElements("to", to, from);
    if (from.dtype() != to.dtype()) {
      floats("from", from);
      floats("to", to);
    }
  }

  static void add(Tensor x, Tensor into) {
    compute("x", x);
    compute("into", into);
    sameElements("into", into, x);
  }

  static void gatherRows(Tensor table, Tensor indices, Tensor out) {
    rank("table", table, 2);
    indices.require("indices", I32, out.dim(0));
    out.require("out", table.dtype(), out.dim(0), table.dim(1));
  }

  static void scatterAddRows(Tensor rows, Tensor indices, Tensor table) {
    rank("table", table, 2);
    compute("rows", rows);
    table.require("table", F32, table.dim(0), table.dim(1));
    indices.require("indices", I32, rows.dim(0));
    rows.require("rows", rows.dtype(), rows.dim(0), table.dim(1));
  }

  static void linear(Tensor x, Tensor w, Tensor y) {
    compute("x", x);
    rank("x", x, 2);
    rank("w", w, 2);
    w.require("w", x.dtype(), w.dim(0), x.dim(1));
    computeOrF32("y", y, x.dtype());
    y.require("y", y.dtype(), x.dim(0), w.dim(0));
  }

  static void linearBackwardInput(Tensor dy, Tensor w, Tensor dx) {
    compute("dy", dy);
    rank("dy", dy, 2);
    rank("w", w, 2);
    w.require("w", dy.dtype(), dy.dim(1), w.dim(1));
    computeOrF32("dx", dx, dy.dtype());
    dx.require("dx", dx.dtype(), dy.dim(0), w.dim(1));
  }

  static void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw) {
    compute("dy", dy);
    rank("dy", dy, 2);
    rank("x", x, 2);
    x.require("x", dy.dtype(), dy.dim(0), x.dim(1));
    dw.require("dw", F32, dy.dim(1), x.dim(1));
  }

  static void groupedLinear(Tensor x, Tensor w, int[] offsets, Tensor y) {
    compute("x", x);
    rank("x", x, 2);
    rank("w", w, 3);
    w.require("w", x.dtype(), w.dim(0), w.dim(1), x.dim(1));
    computeOrF32("y", y, x.dtype());
    y.require("y", y.dtype(), x.dim(0), w.dim(1));
    offsets(offsets, w.dim(0), x.dim(0));
  }

  static void groupedLinearBackwardInput(Tensor dy, Tensor w, int[] offsets, Tensor dx) {
    compute("dy", dy);
    rank("dy", dy, 2);
    rank("w", w, 3);
    w.require("w", dy.dtype(), w.dim(0), dy.dim(1), w.dim(2));
    computeOrF32("dx", dx, dy.dtype());
    dx.require("dx", dx.dtype(), dy.dim(0), w.dim(2));
    offsets(offsets, w.dim(0), dy.dim(0));
  }

  static void groupedLinearBackwardWeight(Tensor dy, Tensor x, int[] offsets, Tensor dw) {
    compute("dy", dy);
    rank("dy", dy, 2);
    rank("x", x, 2);
    rank("dw", dw, 3);
    x.require("x", dy.dtype(), dy.dim(0), x.dim(1));
    dw.require("dw", F32, dw.dim(0), dy.dim(1), x.dim(1));
    offsets(offsets, dw.dim(0), dy.dim(0));
  }

  static void rmsNorm(Tensor x, Tensor weight, Tensor y, Tensor rstd) {
    compute("x", x);
    rank("x", x, 2);
    weight.require("weight", F32, x.dim(1));
    compute("y", y);
    y.require("y", y.dtype(), x.dim(0), x.dim(1));
    rstd.require("rstd", F32, x.dim(0));
  }

  static void rmsNormBackward(
      Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, Tensor dweight) {
    rmsNorm(x, weight, dy, rstd);
    dx.require("dx", F32, x.dim(0), x.dim(1));
    dweight.require("dweight", F32, x.dim(1));
  }

  static void ropeTable(Tensor positions, Tensor table) {
    positions.require("positions", I32, positions.elements());
    rank("table", table, 3);
    table.require("table", F32, positions.dim(0), 2, table.dim(2));
  }

  static void rope(Tensor x, Tensor table) {
    compute("x", x);
    rank("x", x, 3);
    if (x.dim(2) % 2 != 0) {
      throw new IllegalArgumentException("x: head size must be even, got " + x);
    }
    table.require("table", F32, x.dim(0), 2, x.dim(2) / 2);
  }

  static void swiglu(Tensor gateUp, Tensor h) {
    compute("h", h);
    rank("h", h, 2);
    gateUp.require("gateUp", h.dtype(), h.dim(0), 2 * h.dim(1));
  }

  static void swigluBackward(Tensor dh, Tensor gateUp, Tensor dGateUp) {
    swiglu(gateUp, dh);
    dGateUp.require("dGateUp", dh.dtype(), dh.dim(0), 2 * dh.dim(1));
  }

  static void attention(
      Tensor q, Tensor k, Tensor v, int[] kvHeadOf, AttentionTiles tiles, Tensor out, Tensor lse) {
    queriesKeysValues(q, k, v, kvHeadOf, tiles);
    out.require("out", F32, q.dim(0), q.dim(1), q.dim(2));
    lse.require("lse", F32, q.dim(0), q.dim(1));
  }

  static void attentionMerge(Tensor outB, Tensor lseB, Tensor out, Tensor lse) {
    rank("out", out, 3);
    out.require("out", F32, out.dim(0), out.dim(1), out.dim(2));
    outB.require("outB", F32, out.dim(0), out.dim(1), out.dim(2));
    lse.require("lse", F32, out.dim(0), out.dim(1));
    lseB.require("lseB", F32, out.dim(0), out.dim(1));
  }

  static void attentionDelta(Tensor out, Tensor dOut, Tensor delta) {
    compute("out", out);
    compute("dOut", dOut);
    rank("out", out, 3);
    dOut.require("dOut", dOut.dtype(), out.dim(0), out.dim(1), out.dim(2));
    delta.require("delta", F32, out.dim(0), out.dim(1));
  }

  static void attentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      int[] kvHeadOf,
      AttentionTiles tiles,
      Tensor dOut,
      Tensor lse,
      Tensor delta,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    queriesKeysValues(q, k, v, kvHeadOf, tiles);
    dOut.require("dOut", q.dtype(), q.dim(0), q.dim(1), q.dim(2));
    lse.require("lse", F32, q.dim(0), q.dim(1));
    delta.require("delta", F32, q.dim(0), q.dim(1));
    dq.require("dq", F32, q.dim(0), q.dim(1), q.dim(2));
    dk.require("dk", F32, k.dim(0), k.dim(1), k.dim(2));
    dv.require("dv", F32, k.dim(0), k.dim(1), k.dim(2));
  }

  private static void queriesKeysValues(
      Tensor q, Tensor k, Tensor v, int[] kvHeadOf, AttentionTiles tiles) {
    compute("q", q);
    rank("q", q, 3);
    rank("k", k, 3);
    k.require("k", q.dtype(), k.dim(0), k.dim(1), q.dim(2));
    v.require("v", q.dtype(), k.dim(0), k.dim(1), q.dim(2));
    if (kvHeadOf.length != q.dim(1)) {
      throw new IllegalArgumentException(
          "kvHeadOf names %d heads, q has %d".formatted(kvHeadOf.length, q.dim(1)));
    }
    for (int h = 0; h < kvHeadOf.length; h++) {
      if (kvHeadOf[h] < 0 || kvHeadOf[h] >= k.dim(1)) {
        throw new IllegalArgumentException(
            "kvHeadOf[%d] is %d, k has %d heads".formatted(h, kvHeadOf[h], k.dim(1)));
      }
    }
    for (int n = 0; n < tiles.count(); n++) {
      if ((long) tiles.queryStart(n) + tiles.queryCount(n) > q.dim(0)
          || (long) tiles.keyStart(n) + tiles.keyCount(n) > k.dim(0)) {
        throw new IllegalArgumentException(
            "tile %d covers queries %d+%d and keys %d+%d, but there are %d queries and %d keys"
                .formatted(
                    n,
                    tiles.queryStart(n),
                    tiles.queryCount(n),
                    tiles.keyStart(n),
                    tiles.keyCount(n),
                    q.dim(0),
                    k.dim(0)));
      }
    }
  }

  static void silu(Tensor x, Tensor y) {
    compute("x", x);
    sameDims("y", y, x.dtype(), x);
  }

  static void siluBackward(Tensor dy, Tensor x, Tensor dx) {
    compute("x", x);
    computeOrF32("dy", dy, x.dtype());
    computeOrF32("dx", dx, x.dtype());
    sameDims("dy", dy, dy.dtype(), x);
    sameDims("dx", dx, dx.dtype(), x);
  }

  private static void sameDims(String name, Tensor t, DType dtype, Tensor like) {
    boolean same = t.dtype() == dtype && t.rank() == like.rank();
    for (int i = 0; same && i < like.rank(); i++) {
      same = t.dim(i) == like.dim(i);
    }
    if (!same) {
      t.require(name, dtype, dims(like)); // says what is wrong
    }
  }

  private static long[] dims(Tensor x) {
    long[] dims = new long[x.rank()];
    for (int i = 0; i < dims.length; i++) {
      dims[i] = x.dim(i);
    }
    return dims;
  }

  static void linearAttention(
      Tensor q, Tensor k, Tensor v, DecayPattern pattern, Tensor state, Tensor out) {
    decaying(q, k, v, pattern, state);
    out.require("out", q.dtype(), q.dim(0), q.dim(1), q.dim(2));
  }

  static void linearAttentionState(
      Tensor a, Tensor b, DecayPattern pattern, boolean backward, Tensor state) {
    compute("a", a);
    rank("a", a, 3);
    if (backward && a.dim(1) != pattern.heads()) {
      throw new IllegalArgumentException(
          "a has %d heads, the pattern %d".formatted(a.dim(1), pattern.heads()));
    }
    b.require("b", a.dtype(), a.dim(0), a.dim(1), a.dim(2));
    state.require("state", F32, pattern.heads(), a.dim(2), a.dim(2));
    pattern(pattern, backward ? Integer.MAX_VALUE : a.dim(1), a.dim(0));
  }

  static void linearAttentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      DecayPattern pattern,
      Tensor state,
      Tensor dOut,
      Tensor dState,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    decaying(q, k, v, pattern, state);
    dOut.require("dOut", q.dtype(), q.dim(0), q.dim(1), q.dim(2));
    dState.require("dState", F32, q.dim(1), q.dim(2), q.dim(2));
    dq.require("dq", F32, q.dim(0), q.dim(1), q.dim(2));
    dk.require("dk", F32, k.dim(0), k.dim(1), k.dim(2));
    dv.require("dv", F32, k.dim(0), k.dim(1), k.dim(2));
  }

  private static void decaying(Tensor q, Tensor k, Tensor v, DecayPattern pattern, Tensor state) {
    compute("q", q);
    rank("q", q, 3);
    rank("k", k, 3);
    q.require("q", q.dtype(), q.dim(0), pattern.heads(), q.dim(2));
    k.require("k", q.dtype(), q.dim(0), k.dim(1), q.dim(2));
    v.require("v", q.dtype(), q.dim(0), k.dim(1), q.dim(2));
    state.require("state", F32, q.dim(1), q.dim(2), q.dim(2));
    pattern(pattern, k.dim(1), q.dim(0));
  }

  private static void pattern(DecayPattern pattern, long kvHeads, long tokens) {
    for (int h = 0; h < pattern.heads(); h++) {
      if (pattern.kvHeadOf(h) < 0 || pattern.kvHeadOf(h) >= kvHeads) {
        throw new IllegalArgumentException(
            "kvHeadOf[%d] is %d, there are %d heads".formatted(h, pattern.kvHeadOf(h), kvHeads));
      }
    }
    int resets = pattern.resets();
    if (resets > 0 && pattern.reset(resets - 1) >= tokens) {
      throw new IllegalArgumentException(
          "a reset at token %d of %d".formatted(pattern.reset(resets - 1), tokens));
    }
  }

  static void routeTopK(Tensor logits, Tensor probs, Tensor lse, Tensor indices, Tensor weights) {
    rank("logits", logits, 2);
    rank("indices", indices, 2);
    logits.require("logits", F32, logits.dim(0), logits.dim(1));
    probs.require("probs", F32, logits.dim(0), logits.dim(1));
    lse.require("lse", F32, logits.dim(0));
    indices.require("indices", I32, logits.dim(0), indices.dim(1));
    weights.require("weights", F32, logits.dim(0), indices.dim(1));
    if (indices.dim(1) > logits.dim(1)) {
      throw new IllegalArgumentException(
          "indices: top %d of %d experts".formatted(indices.dim(1), logits.dim(1)));
    }
  }

  static void routeTopKBackward(
      Tensor probs,
      Tensor lse,
      Tensor indices,
      Tensor weights,
      Tensor dWeights,
      Tensor probsGrad,
      Tensor dLogits) {
    routeTopK(dLogits, probs, lse, indices, weights);
    dWeights.require("dWeights", F32, weights.dim(0), weights.dim(1));
    probsGrad.require("probsGrad", F32, probs.dim(1));
  }

  static void combineRows(Tensor rows, Tensor slots, Tensor weights, Tensor out) {
    compute("rows", rows);
    rank("rows", rows, 2);
    rank("slots", slots, 2);
    rank("out", out, 2);
    slots.require("slots", I32, out.dim(0), slots.dim(1));
    weights.require("weights", F32, out.dim(0), slots.dim(1));
    computeOrF32("out", out, rows.dtype());
    out.require("out", out.dtype(), out.dim(0), rows.dim(1));
  }

  static void combineRowsBackward(
      Tensor dOut, Tensor rows, Tensor slots, Tensor weights, Tensor dRows, Tensor dWeights) {
    combineRows(rows, slots, weights, dOut);
    dRows.require("dRows", rows.dtype(), rows.dim(0), rows.dim(1));
    dWeights.require("dWeights", F32, weights.dim(0), weights.dim(1));
  }

  static void crossEntropy(Tensor logits, Tensor labels, Tensor losses) {
    rank("logits", logits, 2);
    logits.require("logits", F32, logits.dim(0), logits.dim(1));
    labels.require("labels", I32, logits.dim(0));
    losses.require("losses", F32, logits.dim(0));
  }

  /** For {@code sum} and {@code sumSquares}. */
  static void sum(Tensor x, Tensor sum) {
    f32("x", x);
    sum.require("sum", F64, 1);
  }

  static void adamW(Tensor w, Tensor m, Tensor v, Tensor grad, long step) {
    f32("w", w);
    f32("m", m);
    f32("v", v);
    f32("grad", grad);
    sameElements("m", m, w);
    sameElements("v", v, w);
    sameElements("grad", grad, w);
    if (step < 1) {
      throw new IllegalArgumentException("step counts from 1, got " + step);
    }
  }

  /** An index read from a tensor, below {@code limit}, or −1 where that means none. */
  public static void index(String name, long at, int value, long limit) {
    if (value < -1 || value >= limit) {
      throw new IllegalArgumentException(
          "%s[%d] is %d, outside [-1, %d)".formatted(name, at, value, limit));
    }
  }

  /** A label: −100, or below the vocabulary's size. */
  public static void label(long at, int value, long vocabulary) {
    if (value != -100 && (value < 0 || value >= vocabulary)) {
      throw new IllegalArgumentException(
          "labels[%d] is %d, neither -100 nor in [0, %d)".formatted(at, value, vocabulary));
    }
  }

  static void f32(String name, Tensor t) {
    if (t.dtype() != F32) {
      throw new IllegalArgumentException(name + ": wanted F32, got " + t);
    }
  }

  /** BF16, F32 or F64. */
  static void floats(String name, Tensor t) {
    if (t.dtype() != F32 && t.dtype() != BF16 && t.dtype() != F64) {
      throw new IllegalArgumentException(name + ": wanted a float dtype, got " + t);
    }
  }

  private static void compute(String name, Tensor t) {
    if (t.dtype() != F32 && t.dtype() != BF16) {
      throw new IllegalArgumentException(name + ": wanted F32 or BF16, got " + t);
    }
  }

  private static void computeOrF32(String name, Tensor t, DType compute) {
    if (t.dtype() != F32 && t.dtype() != compute) {
      throw new IllegalArgumentException(name + ": wanted F32 or " + compute + ", got " + t);
    }
  }

  private static void rank(String name, Tensor t, int rank) {
    if (t.rank() != rank) {
      throw new IllegalArgumentException(name + ": wanted " + rank + " dims, got " + t);
    }
  }

  private static void sameElements(String name, Tensor t, Tensor other) {
    if (t.elements() != other.elements()) {
      throw new IllegalArgumentException(
          name + ": wanted " + other.elements() + " elements, got " + t);
    }
  }

  private static void offsets(int[] offsets, long experts, long rows) {
    if (offsets.length != experts + 1 || offsets[0] != 0 || offsets[offsets.length - 1] != rows) {
      throw new IllegalArgumentException(
          "offsets: wanted %d values from 0 to %d, got %d from %d to %d"
              .formatted(
                  experts + 1,
                  rows,
                  offsets.length,
                  offsets.length == 0 ? 0 : offsets[0],
                  offsets.length == 0 ? 0 : offsets[offsets.length - 1]));
    }
    for (int e = 0; e < experts; e++) {
      if (offsets[e] > offsets[e + 1]) {
        throw new IllegalArgumentException(
            "offsets decrease at expert %d: %d, then %d".formatted(e, offsets[e], offsets[e + 1]));
      }
    }
  }
}
