package dev.gyre.kernels;

/**
 * Checks the shapes and dtypes of every kernel call before the backend computes. So a backend
 * cannot have an unchecked kernel, and its own classes check only the values of indices and labels
 * ({@link KernelChecks#index}, {@link KernelChecks#label}).
 */
public final class CheckedKernels implements Kernels {
  private final MovementKernels movement;
  private final LinearKernels linear;
  private final TokenwiseKernels tokenwise;
  private final AttentionKernels attention;
  private final LinearAttentionKernels linearAttention;
  private final RouterKernels router;
  private final LossKernels loss;

  public CheckedKernels(
      MovementKernels movement,
      LinearKernels linear,
      TokenwiseKernels tokenwise,
      AttentionKernels attention,
      LinearAttentionKernels linearAttention,
      RouterKernels router,
      LossKernels loss) {
    this.movement = movement;
    this.linear = linear;
    this.tokenwise = tokenwise;
    this.attention = attention;
    this.linearAttention = linearAttention;
    this.router = router;
    this.loss = loss;
  }

  @Override
  public void fill(Tensor x, float value) {
    KernelChecks.floats("x", x);
    movement.fill(x, value);
  }

  @Override
  public void copy(Tensor from, Tensor to) {
    KernelChecks.copy(from, to);
    movement.copy(from, to);
  }

  @Override
  public void add(Tensor x, Tensor into) {
    KernelChecks.add(x, into);
    movement.add(x, into);
  }

  @Override
  public void scale(Tensor x, float factor) {
    KernelChecks.f32("x", x);
    movement.scale(x, factor);
  }

  @Override
  public void gatherRows(Tensor table, Tensor indices, Tensor out) {
    KernelChecks.gatherRows(table, indices, out);
    movement.gatherRows(table, indices, out);
  }

  @Override
  public void scatterAddRows(Tensor rows, Tensor indices, Tensor table) {
    KernelChecks.scatterAddRows(rows, indices, table);
    movement.scatterAddRows(rows, indices, table);
  }

  @Override
  public void copyColumns(
      Tensor from, long fromColumn, Tensor to, long toColumn, long columns, boolean accumulate) {
    KernelChecks.copyColumns(from, fromColumn, to, toColumn, columns);
    movement.copyColumns(from, fromColumn, to, toColumn, columns, accumulate);
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    KernelChecks.linear(x, w, y);
    linear.linear(x, w, y, accumulate);
  }

  @Override
  public void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    KernelChecks.linearBackwardInput(dy, w, dx);
    linear.linearBackwardInput(dy, w, dx, accumulate);
  }

  @Override
  public void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw) {
    KernelChecks.linearBackwardWeight(dy, x, dw);
    linear.linearBackwardWeight(dy, x, dw);
  }

  @Override
  public void groupedLinear(Tensor x, Tensor w, int[] offsets, Tensor y) {
    KernelChecks.groupedLinear(x, w, offsets, y);
    linear.groupedLinear(x, w, offsets, y);
  }

  @Override
  public void groupedLinearBackwardInput(Tensor dy, Tensor w, int[] offsets, Tensor dx) {
    KernelChecks.groupedLinearBackwardInput(dy, w, offsets, dx);
    linear.groupedLinearBackwardInput(dy, w, offsets, dx);
  }

  @Override
  public void groupedLinearBackwardWeight(Tensor dy, Tensor x, int[] offsets, Tensor dw) {
    KernelChecks.groupedLinearBackwardWeight(dy, x, offsets, dw);
    linear.groupedLinearBackwardWeight(dy, x, offsets, dw);
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float eps, Tensor y, Tensor rstd) {
    KernelChecks.rmsNorm(x, weight, y, rstd);
    tokenwise.rmsNorm(x, weight, eps, y, rstd);
  }

  @Override
  public void rmsNormBackward(
      Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, Tensor dweight) {
    KernelChecks.rmsNormBackward(dy, x, weight, rstd, dx, dweight);
    tokenwise.rmsNormBackward(dy, x, weight, rstd, dx, dweight);
  }

  @Override
  public void ropeTable(Tensor positions, double[] frequencies, double scale, Tensor table) {
    KernelChecks.ropeTable(positions, frequencies, table);
    tokenwise.ropeTable(positions, frequencies, scale, table);
  }

  @Override
  public void rope(Tensor x, Tensor table, boolean inverse) {
    KernelChecks.rope(x, table);
    tokenwise.rope(x, table, inverse);
  }

  @Override
  public void addBias(Tensor x, Tensor bias) {
    KernelChecks.addBias(x, bias);
    tokenwise.addBias(x, bias);
  }

  @Override
  public void addBiasBackward(Tensor dy, Tensor dbias) {
    KernelChecks.addBias(dy, dbias);
    tokenwise.addBiasBackward(dy, dbias);
  }

  @Override
  public void clamp(Tensor x, float limit, Tensor y) {
    KernelChecks.clamp(x, limit, y);
    tokenwise.clamp(x, limit, y);
  }

  @Override
  public void clampBackward(Tensor dy, Tensor x, float limit, Tensor dx) {
    KernelChecks.clampBackward(dy, x, limit, dx);
    tokenwise.clampBackward(dy, x, limit, dx);
  }

  @Override
  public void swiglu(Tensor gateUp, Tensor h) {
    KernelChecks.swiglu(gateUp, h);
    tokenwise.swiglu(gateUp, h);
  }

  @Override
  public void swigluBackward(Tensor dh, Tensor gateUp, Tensor dGateUp) {
    KernelChecks.swigluBackward(dh, gateUp, dGateUp);
    tokenwise.swigluBackward(dh, gateUp, dGateUp);
  }

  @Override
  public void swigluClamped(Tensor gateUp, float alpha, float limit, Tensor h) {
    KernelChecks.swigluClamped(gateUp, limit, h);
    tokenwise.swigluClamped(gateUp, alpha, limit, h);
  }

  @Override
  public void swigluClampedBackward(
      Tensor dh, Tensor gateUp, float alpha, float limit, Tensor dGateUp) {
    KernelChecks.swigluClampedBackward(dh, gateUp, limit, dGateUp);
    tokenwise.swigluClampedBackward(dh, gateUp, alpha, limit, dGateUp);
  }

  @Override
  public void silu(Tensor x, Tensor y) {
    KernelChecks.silu(x, y);
    tokenwise.silu(x, y);
  }

  @Override
  public void siluBackward(Tensor dy, Tensor x, Tensor dx) {
    KernelChecks.siluBackward(dy, x, dx);
    tokenwise.siluBackward(dy, x, dx);
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
    AttentionArguments.attention(q, k, v, kvHeadOf, tiles, out, lse);
    attention.attention(q, k, v, kvHeadOf, tiles, scale, out, lse);
  }

  @Override
  public void attentionMerge(Tensor outB, Tensor lseB, Tensor out, Tensor lse) {
    AttentionArguments.attentionMerge(outB, lseB, out, lse);
    attention.attentionMerge(outB, lseB, out, lse);
  }

  @Override
  public void attentionSinks(Tensor sinks, Tensor out, Tensor lse) {
    AttentionArguments.attentionSinks(sinks, out, lse);
    attention.attentionSinks(sinks, out, lse);
  }

  @Override
  public void attentionSinksBackward(Tensor sinks, Tensor lse, Tensor delta, Tensor dsinks) {
    AttentionArguments.attentionSinksBackward(sinks, lse, delta, dsinks);
    attention.attentionSinksBackward(sinks, lse, delta, dsinks);
  }

  @Override
  public void attentionDelta(Tensor out, Tensor dOut, Tensor delta) {
    AttentionArguments.attentionDelta(out, dOut, delta);
    attention.attentionDelta(out, dOut, delta);
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
    AttentionArguments.attentionBackward(q, k, v, kvHeadOf, tiles, dOut, lse, delta, dq, dk, dv);
    attention.attentionBackward(q, k, v, kvHeadOf, tiles, scale, dOut, lse, delta, dq, dk, dv);
  }

  @Override
  public void linearAttention(
      Tensor q, Tensor k, Tensor v, DecayPattern pattern, Tensor state, Tensor out) {
    AttentionArguments.linearAttention(q, k, v, pattern, state, out);
    linearAttention.linearAttention(q, k, v, pattern, state, out);
  }

  @Override
  public void linearAttentionState(
      Tensor a, Tensor b, DecayPattern pattern, boolean backward, Tensor state) {
    AttentionArguments.linearAttentionState(a, b, pattern, backward, state);
    linearAttention.linearAttentionState(a, b, pattern, backward, state);
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
    AttentionArguments.linearAttentionBackward(q, k, v, pattern, state, dOut, dState, dq, dk, dv);
    linearAttention.linearAttentionBackward(q, k, v, pattern, state, dOut, dState, dq, dk, dv);
  }

  @Override
  public void routeTopK(
      Tensor logits,
      boolean renormalise,
      Tensor probs,
      Tensor lse,
      Tensor indices,
      Tensor weights) {
    KernelChecks.routeTopK(logits, probs, lse, indices, weights);
    router.routeTopK(logits, renormalise, probs, lse, indices, weights);
  }

  @Override
  public void routeTopKBackward(
      Tensor probs,
      Tensor lse,
      Tensor indices,
      Tensor weights,
      boolean renormalise,
      Tensor dWeights,
      Tensor probsGrad,
      float zGrad,
      Tensor dLogits) {
    KernelChecks.routeTopKBackward(probs, lse, indices, weights, dWeights, probsGrad, dLogits);
    router.routeTopKBackward(
        probs, lse, indices, weights, renormalise, dWeights, probsGrad, zGrad, dLogits);
  }

  @Override
  public void routeGroups(
      Tensor logits,
      Tensor bias,
      int groups,
      int chosenGroups,
      boolean renormalise,
      float scale,
      Tensor scores,
      Tensor indices,
      Tensor weights) {
    KernelChecks.routeGroups(logits, bias, groups, chosenGroups, scores, indices, weights);
    router.routeGroups(
        logits, bias, groups, chosenGroups, renormalise, scale, scores, indices, weights);
  }

  @Override
  public void routeGroupsBackward(
      Tensor scores,
      Tensor indices,
      boolean renormalise,
      float scale,
      Tensor dWeights,
      Tensor dLogits) {
    KernelChecks.routeGroupsBackward(scores, indices, dWeights, dLogits);
    router.routeGroupsBackward(scores, indices, renormalise, scale, dWeights, dLogits);
  }

  @Override
  public void combineRows(Tensor rows, Tensor slots, Tensor weights, Tensor out) {
    KernelChecks.combineRows(rows, slots, weights, out);
    router.combineRows(rows, slots, weights, out);
  }

  @Override
  public void combineRowsBackward(
      Tensor dOut, Tensor rows, Tensor slots, Tensor weights, Tensor dRows, Tensor dWeights) {
    KernelChecks.combineRowsBackward(dOut, rows, slots, weights, dRows, dWeights);
    router.combineRowsBackward(dOut, rows, slots, weights, dRows, dWeights);
  }

  @Override
  public void crossEntropy(Tensor logits, Tensor labels, float gradScale, Tensor losses) {
    KernelChecks.crossEntropy(logits, labels, losses);
    loss.crossEntropy(logits, labels, gradScale, losses);
  }

  @Override
  public void sum(Tensor x, Tensor sum) {
    KernelChecks.sum(x, sum);
    loss.sum(x, sum);
  }

  @Override
  public void sumSquares(Tensor x, Tensor sum) {
    KernelChecks.sum(x, sum);
    loss.sumSquares(x, sum);
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
    loss.adamW(w, m, v, grad, gradScale, lr, beta1, beta2, eps, decay, step);
  }
}
