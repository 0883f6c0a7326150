package dev.gyre.model;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorNames;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Final norm, logits and cross-entropy, tile by tile, so that the logits of only one tile are in
 * memory. In training, each tile's gradient is computed directly after its logits.
 */
final class LanguageHead {
  private final Ops ops;
  private final ModelSpec model;
  private final long tile;
  private final String weightName;

  LanguageHead(Ops ops, ModelSpec model, int tileTokens) {
    this.ops = ops;
    this.model = model;
    this.tile = tileTokens;
    this.weightName = model.head().tied() ? TensorNames.EMBEDDING : TensorNames.HEAD;
  }

  /**
   * Σ of this rank's nats. A training pass also computes the gradients of x, in scratch, and of the
   * weights.
   *
   * @param x residual F32 [T,d]
   * @param losses F32 [T] to be written, or null
   */
  double loss(Variable x, MicroBatch batch, @Nullable Tensor losses, Observer observer) {
    Workspace workspace = ops.workspace;
    Kernels kernels = ops.kernels;
    boolean training = ops.tape.training();
    if (training) {
      x.gradientToAdd(workspace, kernels);
    }
    float gradScale = batch.batchLabelled() == 0 ? 0f : (float) (1.0 / batch.batchLabelled());
    long mark = workspace.scratchMark();
    Tensor sum = workspace.scratch(DType.F64, 1);
    kernels.fill(sum, 0f);
    ops.eachTile(
        batch.count(),
        tile,
        (from, count) -> {
          Tensor xs = x.value().slice(from, count);
          Tensor rstd = workspace.scratch(DType.F32, count);
          Tensor h = workspace.scratch(ops.compute, count, model.width());
          Tensor logits = logits(xs, h, rstd);
          observer.logits(from, logits);
          Tensor nats =
              losses == null ? workspace.scratch(DType.F32, count) : losses.slice(from, count);
          kernels.crossEntropy(logits, batch.labels().slice(from, count), gradScale, nats);
          kernels.sum(nats, sum);
          if (training) {
            backward(xs, h, rstd, logits, x.gradient().slice(from, count));
          }
        });
    double[] total = new double[1];
    ops.backend.onHost(
        List.of(sum), List.of(), () -> total[0] = sum.segment().get(ValueLayout.JAVA_DOUBLE, 0));
    workspace.releaseScratch(mark);
    return total[0];
  }

  /** Logits F32 [n,V] of given tokens, for generation. */
  void logitsOf(Variable x, Tensor tokens, Tensor out) {
    Workspace workspace = ops.workspace;
    long mark = workspace.scratchMark();
    long count = tokens.elements();
    Tensor xs = workspace.scratch(DType.F32, count, model.width());
    ops.kernels.gatherRows(x.value(), tokens, xs);
    Tensor rstd = workspace.scratch(DType.F32, count);
    Tensor h = workspace.scratch(ops.compute, count, model.width());
    ops.kernels.copy(logits(xs, h, rstd), out);
    workspace.releaseScratch(mark);
  }

  private Tensor logits(Tensor xs, Tensor h, Tensor rstd) {
    Tensor norm = ops.store.weight(TensorNames.FINAL_NORM, model.width());
    ops.kernels.rmsNorm(xs, norm, (float) model.normEps(), h, rstd);
    Tensor logits = ops.workspace.scratch(DType.F32, xs.dim(0), model.vocabulary());
    ops.kernels.linear(h, weight(), logits, false);
    return logits;
  }

  private void backward(Tensor xs, Tensor h, Tensor rstd, Tensor dLogitsF32, Tensor dx) {
    long hidden = model.width();
    Tensor dLogits = ops.inCompute(dLogitsF32);
    Tensor dh = ops.workspace.scratch(DType.F32, xs.dim(0), hidden);
    ops.kernels.linearBackwardInput(dLogits, weight(), dh, false);
    ops.kernels.linearBackwardWeight(
        dLogits, h, ops.store.gradient(weightName, model.vocabulary(), hidden));
    ops.kernels.rmsNormBackward(
        dh,
        xs,
        ops.store.weight(TensorNames.FINAL_NORM, hidden),
        rstd,
        dx,
        ops.store.gradient(TensorNames.FINAL_NORM, hidden));
  }

  private Tensor weight() {
    return ops.store.weight(weightName, model.vocabulary(), model.width());
  }
}
