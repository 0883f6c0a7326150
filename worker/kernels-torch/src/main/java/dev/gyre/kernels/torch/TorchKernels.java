package dev.gyre.kernels.torch;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.DecayPattern;
import dev.gyre.kernels.KernelChecks;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import org.bytedeco.pytorch.Function;

/** Checks every call and hands it to the TorchScript function that computes it. */
final class TorchKernels implements Kernels {
  private final TorchCall.Wrapping wrapping;
  private final Residency residency;
  private final TorchAttention attention;
  private final TorchLightning lightning;
  private final Function fill;
  private final Function copy;
  private final Function add;
  private final Function scale;
  private final Function gatherRows;
  private final Function scatterAddRows;
  private final Function linear;
  private final Function linearBackwardInput;
  private final Function linearBackwardWeight;
  private final Function groupedLinear;
  private final Function groupedLinearBackwardInput;
  private final Function groupedLinearBackwardWeight;
  private final Function rmsNorm;
  private final Function rmsNormBackward;
  private final Function ropeTable;
  private final Function rope;
  private final Function swiglu;
  private final Function swigluBackward;
  private final Function attentionMerge;
  private final Function attentionDelta;
  private final Function routeTopK;
  private final Function routeTopKBackward;
  private final Function combineRows;
  private final Function combineRowsBackward;
  private final Function crossEntropy;
  private final Function sum;
  private final Function sumSquares;
  private final Function adamW;

  /**
   * @param residency brings what the host looks at
   */
  TorchKernels(
      Functions functions,
      TorchCall.Wrapping wrapping,
      TorchAttention attention,
      Residency residency) {
    this.wrapping = wrapping;
    this.residency = residency;
    this.attention = attention;
    this.lightning = new TorchLightning(functions, wrapping);
    fill = functions.get("fill");
    copy = functions.get("copy");
    add = functions.get("add");
    scale = functions.get("scale");
    gatherRows = functions.get("gather_rows");
    scatterAddRows = functions.get("scatter_add_rows");
    linear = functions.get("linear");
    linearBackwardInput = functions.get("linear_backward_input");
    linearBackwardWeight = functions.get("linear_backward_weight");
    groupedLinear = functions.get("grouped_linear");
    groupedLinearBackwardInput = functions.get("grouped_linear_backward_input");
    groupedLinearBackwardWeight = functions.get("grouped_linear_backward_weight");
    rmsNorm = functions.get("rms_norm");
    rmsNormBackward = functions.get("rms_norm_backward");
    ropeTable = functions.get("rope_table");
    rope = functions.get("rope");
    swiglu = functions.get("swiglu");
    swigluBackward = functions.get("swiglu_backward");
    attentionMerge = functions.get("attention_merge");
    attentionDelta = functions.get("attention_delta");
    routeTopK = functions.get("route_top_k");
    routeTopKBackward = functions.get("route_top_k_backward");
    combineRows = functions.get("combine_rows");
    combineRowsBackward = functions.get("combine_rows_backward");
    crossEntropy = functions.get("cross_entropy");
    sum = functions.get("sum");
    sumSquares = functions.get("sum_squares");
    adamW = functions.get("adam_w");
  }

  @Override
  public void fill(Tensor x, float value) {
    KernelChecks.floats("x", x);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.overwrite(x).real(value).run(fill);
    }
  }

  @Override
  public void copy(Tensor from, Tensor to) {
    KernelChecks.copy(from, to);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(from).overwrite(to).run(copy);
    }
  }

  @Override
  public void add(Tensor x, Tensor into) {
    KernelChecks.add(x, into);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(x).update(into).run(add);
    }
  }

  @Override
  public void scale(Tensor x, float factor) {
    KernelChecks.f32("x", x);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.update(x).real(factor).run(scale);
    }
  }

  @Override
  public void gatherRows(Tensor table, Tensor indices, Tensor out) {
    KernelChecks.gatherRows(table, indices, out);
    checkIndices("indices", indices, table.dim(0));
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(table).read(indices).overwrite(out).run(gatherRows);
    }
  }

  @Override
  public void scatterAddRows(Tensor rows, Tensor indices, Tensor table) {
    KernelChecks.scatterAddRows(rows, indices, table);
    checkIndices("indices", indices, table.dim(0));
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(rows).read(indices).update(table).run(scatterAddRows);
    }
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    KernelChecks.linear(x, w, y);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(x).read(w).result(y, accumulate).flag(accumulate).run(linear);
    }
  }

  @Override
  public void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    KernelChecks.linearBackwardInput(dy, w, dx);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dy).read(w).result(dx, accumulate).flag(accumulate).run(linearBackwardInput);
    }
  }

  @Override
  public void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw) {
    KernelChecks.linearBackwardWeight(dy, x, dw);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dy).read(x).update(dw).run(linearBackwardWeight);
    }
  }

  @Override
  public void groupedLinear(Tensor x, Tensor w, int[] offsets, Tensor y) {
    KernelChecks.groupedLinear(x, w, offsets, y);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(x).read(w).ints(offsets).overwrite(y).run(groupedLinear);
    }
  }

  @Override
  public void groupedLinearBackwardInput(Tensor dy, Tensor w, int[] offsets, Tensor dx) {
    KernelChecks.groupedLinearBackwardInput(dy, w, offsets, dx);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dy).read(w).ints(offsets).overwrite(dx).run(groupedLinearBackwardInput);
    }
  }

  @Override
  public void groupedLinearBackwardWeight(Tensor dy, Tensor x, int[] offsets, Tensor dw) {
    KernelChecks.groupedLinearBackwardWeight(dy, x, offsets, dw);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dy).read(x).ints(offsets).update(dw).run(groupedLinearBackwardWeight);
    }
  }

  @Override
  public void weightsChanged() {} // no packed copies

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float eps, Tensor y, Tensor rstd) {
    KernelChecks.rmsNorm(x, weight, y, rstd);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(x).read(weight).real(eps).overwrite(y).overwrite(rstd).run(rmsNorm);
    }
  }

  @Override
  public void rmsNormBackward(
      Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, Tensor dweight) {
    KernelChecks.rmsNormBackward(dy, x, weight, rstd, dx, dweight);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dy).read(x).read(weight).read(rstd).update(dx).update(dweight).run(rmsNormBackward);
    }
  }

  @Override
  public void ropeTable(Tensor positions, double theta, Tensor table) {
    KernelChecks.ropeTable(positions, table);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(positions).real(theta).overwrite(table).run(ropeTable);
    }
  }

  @Override
  public void rope(Tensor x, Tensor table, boolean inverse) {
    KernelChecks.rope(x, table);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.update(x).read(table).flag(inverse).run(rope);
    }
  }

  @Override
  public void swiglu(Tensor gateUp, Tensor h) {
    KernelChecks.swiglu(gateUp, h);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(gateUp).overwrite(h).run(swiglu);
    }
  }

  @Override
  public void swigluBackward(Tensor dh, Tensor gateUp, Tensor dGateUp) {
    KernelChecks.swigluBackward(dh, gateUp, dGateUp);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dh).read(gateUp).overwrite(dGateUp).run(swigluBackward);
    }
  }

  @Override
  public void attention(
      Tensor q,
      Tensor k,
      Tensor v,
      int[] kvHeadOf,
      AttentionTiles tiles,
      float scale,
      Tensor out,
      Tensor lse) {
    KernelChecks.attention(q, k, v, kvHeadOf, tiles, out, lse);
    attention.forward(new TorchAttention.Inputs(q, k, v, kvHeadOf, tiles, scale), out, lse);
  }

  @Override
  public void attentionMerge(Tensor outB, Tensor lseB, Tensor out, Tensor lse) {
    KernelChecks.attentionMerge(outB, lseB, out, lse);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(outB).read(lseB).update(out).update(lse).run(attentionMerge);
    }
  }

  @Override
  public void attentionDelta(Tensor out, Tensor dOut, Tensor delta) {
    KernelChecks.attentionDelta(out, dOut, delta);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(out).read(dOut).overwrite(delta).run(attentionDelta);
    }
  }

  @Override
  public void attentionBackward(
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
    KernelChecks.attentionBackward(q, k, v, kvHeadOf, tiles, dOut, lse, delta, dq, dk, dv);
    attention.backward(
        new TorchAttention.Inputs(q, k, v, kvHeadOf, tiles, scale),
        new TorchAttention.Gradients(dOut, lse, delta, dq, dk, dv));
  }

  @Override
  public void silu(Tensor x, Tensor y) {
    KernelChecks.silu(x, y);
    lightning.silu(x, y);
  }

  @Override
  public void siluBackward(Tensor dy, Tensor x, Tensor dx) {
    KernelChecks.siluBackward(dy, x, dx);
    lightning.siluBackward(dy, x, dx);
  }

  @Override
  public void linearAttention(
      Tensor q, Tensor k, Tensor v, DecayPattern pattern, Tensor state, Tensor out) {
    KernelChecks.linearAttention(q, k, v, pattern, state, out);
    lightning.forward(q, k, v, pattern, state, out);
  }

  @Override
  public void linearAttentionState(
      Tensor a, Tensor b, DecayPattern pattern, boolean backward, Tensor state) {
    KernelChecks.linearAttentionState(a, b, pattern, backward, state);
    lightning.state(a, b, pattern, backward, state);
  }

  @Override
  public void linearAttentionBackward(
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
    KernelChecks.linearAttentionBackward(q, k, v, pattern, state, dOut, dState, dq, dk, dv);
    lightning.backward(q, k, v, pattern, state, dOut, dState, dq, dk, dv);
  }

  @Override
  public void routeTopK(Tensor logits, Tensor probs, Tensor lse, Tensor indices, Tensor weights) {
    KernelChecks.routeTopK(logits, probs, lse, indices, weights);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(logits)
          .overwrite(probs)
          .overwrite(lse)
          .overwrite(indices)
          .overwrite(weights)
          .run(routeTopK);
    }
  }

  @Override
  public void routeTopKBackward(
      Tensor probs,
      Tensor lse,
      Tensor indices,
      Tensor weights,
      Tensor dWeights,
      Tensor probsGrad,
      float zGrad,
      Tensor dLogits) {
    KernelChecks.routeTopKBackward(probs, lse, indices, weights, dWeights, probsGrad, dLogits);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(probs)
          .read(lse)
          .read(indices)
          .read(weights)
          .read(dWeights)
          .read(probsGrad)
          .real(zGrad)
          .overwrite(dLogits)
          .run(routeTopKBackward);
    }
  }

  @Override
  public void combineRows(Tensor rows, Tensor slots, Tensor weights, Tensor out) {
    KernelChecks.combineRows(rows, slots, weights, out);
    checkIndices("slots", slots, rows.dim(0));
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(rows).read(slots).read(weights).update(out).run(combineRows);
    }
  }

  @Override
  public void combineRowsBackward(
      Tensor dOut, Tensor rows, Tensor slots, Tensor weights, Tensor dRows, Tensor dWeights) {
    KernelChecks.combineRowsBackward(dOut, rows, slots, weights, dRows, dWeights);
    checkIndices("slots", slots, rows.dim(0));
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dOut)
          .read(rows)
          .read(slots)
          .read(weights)
          .update(dRows)
          .overwrite(dWeights)
          .run(combineRowsBackward);
    }
  }

  @Override
  public void crossEntropy(Tensor logits, Tensor labels, float gradScale, Tensor losses) {
    KernelChecks.crossEntropy(logits, labels, losses);
    checkLabels(labels, logits.dim(1));
    try (TorchCall call = new TorchCall(wrapping)) {
      call.update(logits).read(labels).real(gradScale).overwrite(losses).run(crossEntropy);
    }
  }

  @Override
  public void sum(Tensor x, Tensor sum) {
    KernelChecks.sum(x, sum);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(x).update(sum).run(this.sum);
    }
  }

  @Override
  public void sumSquares(Tensor x, Tensor sum) {
    KernelChecks.sum(x, sum);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(x).update(sum).run(sumSquares);
    }
  }

  @Override
  public void adamW(
      Tensor w,
      Tensor m,
      Tensor v,
      Tensor grad,
      float gradScale,
      float lr,
      float beta1,
      float beta2,
      float eps,
      float decay,
      long step) {
    KernelChecks.adamW(w, m, v, grad, step);
    try (TorchCall call = new TorchCall(wrapping)) {
      call.update(w)
          .update(m)
          .update(v)
          .read(grad)
          .real(gradScale)
          .real(lr)
          .real(beta1)
          .real(beta2)
          .real(eps)
          .real(decay)
          .integer(step)
          .run(adamW);
    }
  }

  /**
   * Looked at here, although a GPU is waited for that wrote them: libtorch's own assertion there
   * takes the whole process down, without a name.
   */
  private void checkIndices(String name, Tensor indices, long limit) {
    residency.hostReads(indices);
    MemorySegment values = indices.segment();
    for (long i = 0; i < indices.elements(); i++) {
      KernelChecks.index(name, i, values.get(JAVA_INT_UNALIGNED, i * 4), limit);
    }
  }

  private void checkLabels(Tensor labels, long vocabulary) {
    residency.hostReads(labels);
    MemorySegment values = labels.segment();
    for (long t = 0; t < labels.elements(); t++) {
      KernelChecks.label(t, values.get(JAVA_INT_UNALIGNED, t * 4), vocabulary);
    }
  }
}
