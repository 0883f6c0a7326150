package dev.gyre.kernels.onednn;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.DecayPattern;
import dev.gyre.kernels.KernelChecks;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.vector.FlashAttention;
import dev.gyre.kernels.vector.LightningAttention;
import dev.gyre.kernels.vector.Linears;

/** Products of matrices by oneDNN, attention in blocks over them, the rest by another backend. */
final class OneDnnKernels implements Kernels {
  private final Kernels rest;
  private final Linears linears;
  private final FlashAttention flash;
  private final LightningAttention lightning;

  /**
   * @param rest takes all other calls
   */
  OneDnnKernels(Linears linears, FlashAttention flash, LightningAttention lightning, Kernels rest) {
    this.rest = rest;
    this.linears = linears;
    this.flash = flash;
    this.lightning = lightning;
  }

  @Override
  public void fill(Tensor x, float value) {
    rest.fill(x, value);
  }

  @Override
  public void copy(Tensor from, Tensor to) {
    rest.copy(from, to);
  }

  @Override
  public void add(Tensor x, Tensor into) {
    rest.add(x, into);
  }

  @Override
  public void scale(Tensor x, float factor) {
    rest.scale(x, factor);
  }

  @Override
  public void gatherRows(Tensor table, Tensor indices, Tensor out) {
    rest.gatherRows(table, indices, out);
  }

  @Override
  public void scatterAddRows(Tensor rows, Tensor indices, Tensor table) {
    rest.scatterAddRows(rows, indices, table);
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    KernelChecks.linear(x, w, y);
    linears.forward(x, w, y, accumulate);
  }

  @Override
  public void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    KernelChecks.linearBackwardInput(dy, w, dx);
    linears.backwardInput(dy, w, dx, accumulate);
  }

  @Override
  public void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw) {
    KernelChecks.linearBackwardWeight(dy, x, dw);
    linears.backwardWeight(dy, x, dw);
  }

  @Override
  public void groupedLinear(Tensor x, Tensor w, int[] offsets, Tensor y) {
    KernelChecks.groupedLinear(x, w, offsets, y);
    linears.groupedForward(x, w, offsets, y);
  }

  @Override
  public void groupedLinearBackwardInput(Tensor dy, Tensor w, int[] offsets, Tensor dx) {
    KernelChecks.groupedLinearBackwardInput(dy, w, offsets, dx);
    linears.groupedBackwardInput(dy, w, offsets, dx);
  }

  @Override
  public void groupedLinearBackwardWeight(Tensor dy, Tensor x, int[] offsets, Tensor dw) {
    KernelChecks.groupedLinearBackwardWeight(dy, x, offsets, dw);
    linears.groupedBackwardWeight(dy, x, offsets, dw);
  }

  @Override
  public void weightsChanged() {
    rest.weightsChanged();
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float eps, Tensor y, Tensor rstd) {
    rest.rmsNorm(x, weight, eps, y, rstd);
  }

  @Override
  public void rmsNormBackward(
      Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, Tensor dweight) {
    rest.rmsNormBackward(dy, x, weight, rstd, dx, dweight);
  }

  @Override
  public void ropeTable(Tensor positions, double theta, Tensor table) {
    rest.ropeTable(positions, theta, table);
  }

  @Override
  public void rope(Tensor x, Tensor table, boolean inverse) {
    rest.rope(x, table, inverse);
  }

  @Override
  public void swiglu(Tensor gateUp, Tensor h) {
    rest.swiglu(gateUp, h);
  }

  @Override
  public void swigluBackward(Tensor dh, Tensor gateUp, Tensor dGateUp) {
    rest.swigluBackward(dh, gateUp, dGateUp);
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
    if (FlashAttention.takes(q, scale)) {
      flash.forward(q, k, v, kvHeadOf, tiles, scale, out, lse);
    } else {
      rest.attention(q, k, v, kvHeadOf, tiles, scale, out, lse);
    }
  }

  @Override
  public void attentionMerge(Tensor outB, Tensor lseB, Tensor out, Tensor lse) {
    rest.attentionMerge(outB, lseB, out, lse);
  }

  @Override
  public void attentionDelta(Tensor out, Tensor dOut, Tensor delta) {
    rest.attentionDelta(out, dOut, delta);
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
    if (FlashAttention.takes(q, scale)) {
      flash.backward(q, k, v, kvHeadOf, tiles, scale, dOut, lse, delta, dq, dk, dv);
    } else {
      rest.attentionBackward(q, k, v, kvHeadOf, tiles, scale, dOut, lse, delta, dq, dk, dv);
    }
  }

  @Override
  public void silu(Tensor x, Tensor y) {
    rest.silu(x, y);
  }

  @Override
  public void siluBackward(Tensor dy, Tensor x, Tensor dx) {
    rest.siluBackward(dy, x, dx);
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
    rest.routeTopK(logits, probs, lse, indices, weights);
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
    rest.routeTopKBackward(probs, lse, indices, weights, dWeights, probsGrad, zGrad, dLogits);
  }

  @Override
  public void combineRows(Tensor rows, Tensor slots, Tensor weights, Tensor out) {
    rest.combineRows(rows, slots, weights, out);
  }

  @Override
  public void combineRowsBackward(
      Tensor dOut, Tensor rows, Tensor slots, Tensor weights, Tensor dRows, Tensor dWeights) {
    rest.combineRowsBackward(dOut, rows, slots, weights, dRows, dWeights);
  }

  @Override
  public void crossEntropy(Tensor logits, Tensor labels, float gradScale, Tensor losses) {
    rest.crossEntropy(logits, labels, gradScale, losses);
  }

  @Override
  public void sum(Tensor x, Tensor sum) {
    rest.sum(x, sum);
  }

  @Override
  public void sumSquares(Tensor x, Tensor sum) {
    rest.sumSquares(x, sum);
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
    rest.adamW(w, m, v, grad, gradScale, lr, beta1, beta2, eps, decay, step);
  }
}
