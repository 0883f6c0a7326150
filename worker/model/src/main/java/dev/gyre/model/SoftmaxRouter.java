package dev.gyre.model;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.Block.PassContext;
import dev.gyre.model.MicroBatch.Row;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RouterSpec;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

/** The {@link RouterSpec.TopK} router: scores are a softmax over all experts. */
final class SoftmaxRouter extends Router {
  private final boolean renormalised;
  private final Objective objective;

  SoftmaxRouter(
      Ops ops,
      ModelSpec model,
      MixtureOfExperts mixture,
      RouterSpec.TopK spec,
      Objective objective,
      int layer) {
    super(ops, model, mixture, layer, spec.bias());
    this.renormalised = spec.renormalised();
    this.objective = objective;
  }

  @Override
  Choice newChoice(long tokens) {
    return new Choice(
        ops.tape.save(DType.F32, tokens, experts),
        ops.tape.save(DType.F32, tokens),
        ops.tape.save(DType.I32, tokens, perToken),
        ops.tape.save(DType.F32, tokens, perToken));
  }

  @Override
  void choose(Tensor logits, Choice made) {
    ops.kernels.routeTopK(
        logits, renormalised, made.scores(), lse(made), made.indices(), made.weights());
  }

  private static Tensor lse(Choice made) {
    return Objects.requireNonNull(made.lse());
  }

  @Override
  double weight(double[] scores, int j) {
    return renormalised ? scores[j] / sum(scores) : scores[j];
  }

  @Override
  List<Tensor> readByStatistics(Choice made) {
    return List.of(made.indices(), made.scores(), lse(made));
  }

  @Override
  void sumStatistics(Choice made, PassContext pass) {
    MemorySegment probs = made.scores().segment();
    MemorySegment lse = lse(made).segment();
    List<Row> rows = pass.batch().rows();
    double squares = 0;
    for (int r = 0; r < rows.size(); r++) {
      long from = rows.get(r).from();
      double[] sums = new double[experts];
      for (long t = from; t < from + rows.get(r).count(); t++) {
        for (int e = 0; e < experts; e++) {
          sums[e] += probs.getAtIndex(FLOAT, t * experts + e);
        }
        double l = lse.getAtIndex(FLOAT, t);
        squares += l * l;
      }
      pass.statistics().probabilities(layer, r, sums);
    }
    pass.statistics().squaredLse(squares);
  }

  @Override
  void backward(Choice made, Tensor dWeights, PassContext pass, Tensor dLogits) {
    List<Row> rows = pass.batch().rows();
    Tensor probsGrad = ops.workspace.scratch(DType.F32, rows.size(), experts);
    backend.onHost(
        List.of(), List.of(probsGrad), () -> probabilityGradients(probsGrad.segment(), pass));
    long batchTokens = Math.max(1, pass.batch().batchTokens());
    float zGrad = (float) (2 * objective.coefficient(RouterSpec.TopK.Z) / batchTokens);
    for (int r = 0; r < rows.size(); r++) {
      long from = rows.get(r).from();
      long count = rows.get(r).count();
      ops.kernels.routeTopKBackward(
          made.scores().slice(from, count),
          lse(made).slice(from, count),
          made.indices().slice(from, count),
          made.weights().slice(from, count),
          renormalised,
          dWeights.slice(from, count),
          probsGrad.get(r),
          zGrad,
          dLogits.slice(from, count));
    }
  }

  private void probabilityGradients(MemorySegment gradients, PassContext pass) {
    for (int r = 0; r < pass.batch().rows().size(); r++) {
      for (int e = 0; e < experts; e++) {
        double g = pass.statistics().probabilityGradient(layer, r, e);
        gradients.setAtIndex(FLOAT, (long) r * experts + e, (float) g);
      }
    }
  }
}
