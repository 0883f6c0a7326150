package dev.gyre.kernels;

/**
 * The plain twin: every kernel as its definition reads, on host memory, with sums and
 * transcendental functions in double. Slow on purpose; it says what the fast ones must compute.
 * Stateless.
 */
public final class ScalarKernels implements Kernels {

  @Override
  public void fill(Tensor x, float value) {
    KernelChecks.floats("x", x);
    for (long i = 0; i < x.elements(); i++) {
      HostAccess.set(x, i, value);
    }
  }

  @Override
  public void copy(Tensor from, Tensor to) {
    KernelChecks.copy(from, to);
    if (from.dtype() == to.dtype()) {
      HostAccess.copyBytes(from.address(), to.address(), from.byteSize());
      return;
    }
    for (long i = 0; i < from.elements(); i++) {
      HostAccess.set(to, i, HostAccess.get(from, i));
    }
  }

  @Override
  public void add(Tensor x, Tensor into) {
    KernelChecks.add(x, into);
    for (long i = 0; i < x.elements(); i++) {
      HostAccess.add(into, i, HostAccess.get(x, i));
    }
  }

  @Override
  public void scale(Tensor x, float factor) {
    KernelChecks.f32("x", x);
    for (long i = 0; i < x.elements(); i++) {
      HostAccess.set(x, i, HostAccess.get(x, i) * factor);
    }
  }

  @Override
  public void gatherRows(Tensor table, Tensor indices, Tensor out) {
    KernelChecks.gatherRows(table, indices, out);
    long rowBytes = table.dim(1) * table.dtype().bytes();
    for (long i = 0; i < out.dim(0); i++) {
      int from = HostAccess.index(indices, i);
      KernelChecks.index("indices", i, from, table.dim(0));
      long to = out.address() + i * rowBytes;
      if (from < 0) {
        HostAccess.zeroBytes(to, rowBytes);
      } else {
        HostAccess.copyBytes(table.address() + from * rowBytes, to, rowBytes);
      }
    }
  }

  @Override
  public void scatterAddRows(Tensor rows, Tensor indices, Tensor table) {
    KernelChecks.scatterAddRows(rows, indices, table);
    long width = table.dim(1);
    for (long i = 0; i < rows.dim(0); i++) {
      int to = HostAccess.index(indices, i);
      KernelChecks.index("indices", i, to, table.dim(0));
      for (long c = 0; to >= 0 && c < width; c++) {
        HostAccess.add(table, to * width + c, HostAccess.get(rows, i * width + c));
      }
    }
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    KernelChecks.linear(x, w, y);
    ScalarLinear.forward(x, w, y, accumulate);
  }

  @Override
  public void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    KernelChecks.linearBackwardInput(dy, w, dx);
    ScalarLinear.backwardInput(dy, w, dx, accumulate);
  }

  @Override
  public void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw) {
    KernelChecks.linearBackwardWeight(dy, x, dw);
    ScalarLinear.backwardWeight(dy, x, dw);
  }

  @Override
  public void groupedLinear(Tensor x, Tensor w, int[] offsets, Tensor y) {
    KernelChecks.groupedLinear(x, w, offsets, y);
    for (int e = 0; e + 1 < offsets.length; e++) {
      int rows = offsets[e + 1] - offsets[e];
      ScalarLinear.forward(x.slice(offsets[e], rows), w.get(e), y.slice(offsets[e], rows), false);
    }
  }

  @Override
  public void groupedLinearBackwardInput(Tensor dy, Tensor w, int[] offsets, Tensor dx) {
    KernelChecks.groupedLinearBackwardInput(dy, w, offsets, dx);
    for (int e = 0; e + 1 < offsets.length; e++) {
      int rows = offsets[e + 1] - offsets[e];
      ScalarLinear.backwardInput(
          dy.slice(offsets[e], rows), w.get(e), dx.slice(offsets[e], rows), false);
    }
  }

  @Override
  public void groupedLinearBackwardWeight(Tensor dy, Tensor x, int[] offsets, Tensor dw) {
    KernelChecks.groupedLinearBackwardWeight(dy, x, offsets, dw);
    for (int e = 0; e + 1 < offsets.length; e++) {
      int rows = offsets[e + 1] - offsets[e];
      ScalarLinear.backwardWeight(dy.slice(offsets[e], rows), x.slice(offsets[e], rows), dw.get(e));
    }
  }

  /** Keeps no packed copies. */
  @Override
  public void weightsChanged() {}

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float eps, Tensor y, Tensor rstd) {
    KernelChecks.rmsNorm(x, weight, y, rstd);
    ScalarRows.rmsNorm(x, weight, eps, y, rstd);
  }

  @Override
  public void rmsNormBackward(
      Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, Tensor dweight) {
    KernelChecks.rmsNormBackward(dy, x, weight, rstd, dx, dweight);
    ScalarRows.rmsNormBackward(dy, x, weight, rstd, dx, dweight);
  }

  @Override
  public void ropeTable(Tensor positions, double theta, Tensor table) {
    KernelChecks.ropeTable(positions, table);
    ScalarRows.ropeTable(positions, theta, table);
  }

  @Override
  public void rope(Tensor x, Tensor table, boolean inverse) {
    KernelChecks.rope(x, table);
    ScalarRows.rope(x, table, inverse);
  }

  @Override
  public void swiglu(Tensor gateUp, Tensor h) {
    KernelChecks.swiglu(gateUp, h);
    ScalarRows.swiglu(gateUp, h);
  }

  @Override
  public void swigluBackward(Tensor dh, Tensor gateUp, Tensor dGateUp) {
    KernelChecks.swigluBackward(dh, gateUp, dGateUp);
    ScalarRows.swigluBackward(dh, gateUp, dGateUp);
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
    ScalarAttention.forward(q, k, v, kvHeadOf, tiles, scale, out, lse);
  }

  @Override
  public void attentionMerge(Tensor outB, Tensor lseB, Tensor out, Tensor lse) {
    KernelChecks.attentionMerge(outB, lseB, out, lse);
    ScalarAttention.merge(outB, lseB, out, lse);
  }

  @Override
  public void attentionDelta(Tensor out, Tensor dOut, Tensor delta) {
    KernelChecks.attentionDelta(out, dOut, delta);
    ScalarAttention.delta(out, dOut, delta);
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
    ScalarAttention.backward(q, k, v, kvHeadOf, tiles, scale, dOut, lse, delta, dq, dk, dv);
  }

  @Override
  public void silu(Tensor x, Tensor y) {
    KernelChecks.silu(x, y);
    ScalarLinearAttention.silu(x, y);
  }

  @Override
  public void siluBackward(Tensor dy, Tensor x, Tensor dx) {
    KernelChecks.siluBackward(dy, x, dx);
    ScalarLinearAttention.siluBackward(dy, x, dx);
  }

  @Override
  public void linearAttention(
      Tensor q, Tensor k, Tensor v, DecayPattern pattern, Tensor state, Tensor out) {
    KernelChecks.linearAttention(q, k, v, pattern, state, out);
    ScalarLinearAttention.forward(q, k, v, pattern, state, out);
  }

  @Override
  public void linearAttentionState(
      Tensor a, Tensor b, DecayPattern pattern, boolean backward, Tensor state) {
    KernelChecks.linearAttentionState(a, b, pattern, backward, state);
    ScalarLinearAttention.state(a, b, pattern, backward, state);
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
    ScalarLinearAttention.backward(q, k, v, pattern, state, dOut, dState, dq, dk, dv);
  }

  @Override
  public void routeTopK(Tensor logits, Tensor probs, Tensor lse, Tensor indices, Tensor weights) {
    KernelChecks.routeTopK(logits, probs, lse, indices, weights);
    ScalarRouter.topK(logits, probs, lse, indices, weights);
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
    ScalarRouter.topKBackward(probs, lse, indices, weights, dWeights, probsGrad, zGrad, dLogits);
  }

  @Override
  public void combineRows(Tensor rows, Tensor slots, Tensor weights, Tensor out) {
    KernelChecks.combineRows(rows, slots, weights, out);
    ScalarRouter.combine(rows, slots, weights, out);
  }

  @Override
  public void combineRowsBackward(
      Tensor dOut, Tensor rows, Tensor slots, Tensor weights, Tensor dRows, Tensor dWeights) {
    KernelChecks.combineRowsBackward(dOut, rows, slots, weights, dRows, dWeights);
    ScalarRouter.combineBackward(dOut, rows, slots, weights, dRows, dWeights);
  }

  @Override
  public void crossEntropy(Tensor logits, Tensor labels, float gradScale, Tensor losses) {
    KernelChecks.crossEntropy(logits, labels, losses);
    ScalarLoss.crossEntropy(logits, labels, gradScale, losses);
  }

  @Override
  public void sum(Tensor x, Tensor sum) {
    KernelChecks.sum(x, sum);
    double total = HostAccess.get(sum, 0);
    for (long i = 0; i < x.elements(); i++) {
      total += HostAccess.get(x, i);
    }
    HostAccess.set(sum, 0, total);
  }

  @Override
  public void sumSquares(Tensor x, Tensor sum) {
    KernelChecks.sum(x, sum);
    double total = HostAccess.get(sum, 0);
    for (long i = 0; i < x.elements(); i++) {
      double value = HostAccess.get(x, i);
      total += value * value;
    }
    HostAccess.set(sum, 0, total);
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
    ScalarLoss.adamW(w, m, v, grad, gradScale, lr, beta1, beta2, eps, decay, step);
  }
}
