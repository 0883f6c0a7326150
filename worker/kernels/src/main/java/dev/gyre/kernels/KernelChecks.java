package dev.gyre.kernels;

import static dev.gyre.kernels.DType.BF16;
import static dev.gyre.kernels.DType.F32;
import static dev.gyre.kernels.DType.F64;
import static dev.gyre.kernels.DType.I32;

/**
 * What each kernel of {@link Kernels} requires of its arguments' shapes and dtypes: one method per
 * kernel (kernels with equal requirements share one), called by {@link CheckedKernels}. Those of
 * attention are in {@link AttentionArguments}. Each throws {@link IllegalArgumentException} that
 * names the argument, what was wanted and what was given.
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

  static void copyColumns(Tensor from, long fromColumn, Tensor to, long toColumn, long columns) {
    compute("from", from);
    compute("to", to);
    if (rows(from) != rows(to)) {
      throw new IllegalArgumentException(
          "to: wanted %d rows, as from %s, got %s".formatted(rows(from), from, to));
    }
    columns("from", from, fromColumn, columns);
    columns("to", to, toColumn, columns);
  }

  /** Product of all dims but the last, also where the last is 0. */
  private static long rows(Tensor t) {
    long rows = 1;
    for (int i = 0; i < t.rank() - 1; i++) {
      rows *= t.dim(i);
    }
    return rows;
  }

  private static void columns(String name, Tensor t, long first, long count) {
    if (first < 0 || count < 0 || count > t.width() - first) {
      throw new IllegalArgumentException(
          "%s: columns %d+%d of %s".formatted(name, first, count, t));
    }
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

  static void ropeTable(Tensor positions, double[] frequencies, Tensor table) {
    positions.require("positions", I32, positions.elements());
    table.require("table", F32, positions.dim(0), 2, frequencies.length);
  }

  static void rope(Tensor x, Tensor table) {
    compute("x", x);
    rank("x", x, 3);
    rank("table", table, 3);
    table.require("table", F32, x.dim(0), 2, table.dim(2));
    if (2 * table.dim(2) > x.dim(2)) {
      throw new IllegalArgumentException(
          "table: rotates %d elements, heads have %d".formatted(2 * table.dim(2), x.dim(2)));
    }
  }

  static void addBias(Tensor x, Tensor bias) {
    compute("x", x);
    rank("x", x, 2);
    bias.require("bias", F32, x.dim(1));
  }

  static void clamp(Tensor x, float limit, Tensor y) {
    silu(x, y);
    limit(limit);
  }

  static void clampBackward(Tensor dy, Tensor x, float limit, Tensor dx) {
    siluBackward(dy, x, dx);
    limit(limit);
  }

  private static void limit(float limit) {
    if (!(limit >= 0)) {
      throw new IllegalArgumentException("limit: wanted at least 0, got " + limit);
    }
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

  static void swigluClamped(Tensor gateUp, float limit, Tensor h) {
    swiglu(gateUp, h);
    limit(limit);
  }

  static void swigluClampedBackward(Tensor dh, Tensor gateUp, float limit, Tensor dGateUp) {
    swigluBackward(dh, gateUp, dGateUp);
    limit(limit);
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

  static void routeGroups(
      Tensor logits,
      Tensor bias,
      int groups,
      int chosenGroups,
      Tensor scores,
      Tensor indices,
      Tensor weights) {
    rank("logits", logits, 2);
    rank("indices", indices, 2);
    logits.require("logits", F32, logits.dim(0), logits.dim(1));
    bias.require("bias", F32, logits.dim(1));
    scores.require("scores", F32, logits.dim(0), logits.dim(1));
    indices.require("indices", I32, logits.dim(0), indices.dim(1));
    weights.require("weights", F32, logits.dim(0), indices.dim(1));
    long experts = logits.dim(1);
    if (groups < 1 || experts % groups != 0) {
      throw new IllegalArgumentException(
          "groups: %d do not divide %d experts".formatted(groups, experts));
    }
    if (chosenGroups < 1 || chosenGroups > groups) {
      throw new IllegalArgumentException(
          "chosenGroups: %d of %d groups".formatted(chosenGroups, groups));
    }
    long remaining = chosenGroups * (experts / groups);
    if (indices.dim(1) > remaining) {
      throw new IllegalArgumentException(
          "indices: top %d of the %d experts in %d groups"
              .formatted(indices.dim(1), remaining, chosenGroups));
    }
  }

  static void routeGroupsBackward(Tensor scores, Tensor indices, Tensor dWeights, Tensor dLogits) {
    rank("scores", scores, 2);
    rank("indices", indices, 2);
    scores.require("scores", F32, scores.dim(0), scores.dim(1));
    indices.require("indices", I32, scores.dim(0), indices.dim(1));
    dWeights.require("dWeights", F32, scores.dim(0), indices.dim(1));
    dLogits.require("dLogits", F32, scores.dim(0), scores.dim(1));
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

  static void compute(String name, Tensor t) {
    if (t.dtype() != F32 && t.dtype() != BF16) {
      throw new IllegalArgumentException(name + ": wanted F32 or BF16, got " + t);
    }
  }

  private static void computeOrF32(String name, Tensor t, DType compute) {
    if (t.dtype() != F32 && t.dtype() != compute) {
      throw new IllegalArgumentException(name + ": wanted F32 or " + compute + ", got " + t);
    }
  }

  static void rank(String name, Tensor t, int rank) {
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
