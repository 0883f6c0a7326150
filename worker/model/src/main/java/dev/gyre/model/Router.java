package dev.gyre.model;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.Block.PassContext;
import dev.gyre.model.MicroBatch.Row;
import dev.gyre.model.tape.Retained;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RouterSpec;
import dev.gyre.partitioning.model.TensorNames;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Softmax top-k over an F32 linear map of the normed residual, and the sort of rows by expert.
 * Source: Shazeer et al., Outrageously Large Neural Networks; renormalised as in Mixtral.
 */
final class Router {
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

  private final Ops ops;
  private final Backend backend;
  private final long hidden;
  private final double normEps;
  private final int experts;
  private final int perToken;
  private final Objective objective;
  private final int layer;
  private final TensorNames names;

  Router(Ops ops, ModelSpec model, MixtureOfExperts spec, Objective objective, int layer) {
    this.ops = ops;
    this.backend = ops.backend;
    this.hidden = model.width();
    this.normEps = model.normEps();
    this.experts = spec.experts();
    this.perToken = spec.router().perToken();
    this.objective = objective;
    this.layer = layer;
    this.names = new TensorNames(layer);
  }

  /** The router's decision for T tokens, M = T·k rows; see {@link Routing}. */
  private record Decision(
      Tensor probs,
      Tensor lse,
      Tensor indices,
      Tensor weights,
      Tensor tokenOfRow,
      Tensor slots,
      int[] rowsPerExpert) {}

  /**
   * @param x residual F32 [T,d]; the router norms it in F32 with any compute dtype
   * @param h the norm's output [T,d], whose gradient the router contributes to
   */
  Routing forward(Variable x, Variable h, PassContext pass) {
    Decision made = ops.tape.keep(Retained.ROUTING, () -> decide(x, h, pass));
    Variable w = new Variable("router weights of layer " + layer, made.weights, DType.F32);
    ops.tape.record(() -> backward(x, h, w, made, pass));
    return new Routing(w, made.indices, made.tokenOfRow, made.slots, made.rowsPerExpert);
  }

  private Decision decide(Variable x, Variable h, PassContext pass) {
    Kernels kernels = ops.kernels;
    Workspace workspace = ops.workspace;
    long tokens = x.value().dim(0);
    int k = perToken;
    Tensor probs = ops.tape.save(DType.F32, tokens, experts);
    Tensor lse = ops.tape.save(DType.F32, tokens);
    Tensor indices = ops.tape.save(DType.I32, tokens, k);
    Tensor weights = ops.tape.save(DType.F32, tokens, k);
    Tensor tokenOfRow = ops.tape.save(DType.I32, tokens * k);
    Tensor slots = ops.tape.save(DType.I32, tokens, k);

    long mark = workspace.scratchMark();
    Tensor logits = workspace.scratch(DType.F32, tokens, experts);
    kernels.linear(normed(x, h), gate(), logits, false);
    kernels.routeTopK(logits, true, probs, lse, indices, weights);
    if (pass.observer().replay(layer, indices)) {
      backend.hostReads(logits);
      backend.hostWrites(weights);
      replayedWeights(logits.segment(), indices.segment(), weights.segment(), tokens);
    }
    workspace.releaseScratch(mark);

    int[] rows = new int[experts];
    backend.onHost(
        List.of(indices),
        List.of(tokenOfRow, slots),
        () -> sort(indices.segment(), tokenOfRow.segment(), slots.segment(), tokens, rows));
    pass.observer().routed(layer, indices, weights);
    backend.onHost(
        List.of(indices, probs, lse),
        List.of(),
        () -> sumStatistics(indices.segment(), probs.segment(), lse.segment(), pass));
    return new Decision(probs, lse, indices, weights, tokenOfRow, slots, rows);
  }

  private void backward(Variable x, Variable h, Variable weights, Decision made, PassContext pass) {
    Kernels kernels = ops.kernels;
    Workspace workspace = ops.workspace;
    long tokens = x.value().dim(0);
    Tensor dh = h.gradientToAdd(workspace, kernels);
    long mark = workspace.scratchMark();
    List<Row> rows = pass.batch().rows();
    Tensor probsGrad = workspace.scratch(DType.F32, rows.size(), experts);
    backend.onHost(
        List.of(), List.of(probsGrad), () -> probabilityGradients(probsGrad.segment(), pass));
    long batchTokens = Math.max(1, pass.batch().batchTokens());
    float zGrad = (float) (2 * objective.coefficient(RouterSpec.TopK.Z) / batchTokens);
    Tensor dLogits = workspace.scratch(DType.F32, tokens, experts);
    Tensor dWeights = weights.gradient();
    for (int r = 0; r < rows.size(); r++) {
      long from = rows.get(r).from();
      long count = rows.get(r).count();
      kernels.routeTopKBackward(
          made.probs.slice(from, count),
          made.lse.slice(from, count),
          made.indices.slice(from, count),
          weights.value().slice(from, count),
          true,
          dWeights.slice(from, count),
          probsGrad.get(r),
          zGrad,
          dLogits.slice(from, count));
    }
    kernels.linearBackwardWeight(
        dLogits, normed(x, h), ops.store.gradient(names.router(), experts, hidden));
    kernels.linearBackwardInput(dLogits, gate(), dh, true);
    workspace.releaseScratch(mark);
  }

  private void probabilityGradients(MemorySegment gradients, PassContext pass) {
    for (int r = 0; r < pass.batch().rows().size(); r++) {
      for (int e = 0; e < experts; e++) {
        double g = pass.statistics().probabilityGradient(layer, r, e);
        gradients.setAtIndex(FLOAT, (long) r * experts + e, (float) g);
      }
    }
  }

  private Tensor gate() {
    return ops.store.weight(names.router(), experts, hidden);
  }

  /**
   * The norm's output in F32: h itself, or, if h was rounded to BF16, a recomputed copy in scratch.
   */
  private Tensor normed(Variable x, Variable h) {
    if (h.value().dtype() == DType.F32) {
      return h.value();
    }
    Tensor in = x.value();
    Tensor out = ops.workspace.scratch(DType.F32, in.dim(0), in.width());
    Tensor rstd = ops.workspace.scratch(DType.F32, in.dim(0));
    Tensor weight = ops.store.weight(names.feedForwardNorm(), in.width());
    ops.kernels.rmsNorm(in, weight, (float) normEps, out, rstd);
    return out;
  }

  /** Computes the weights of given choices: softmax over their logits. */
  private void replayedWeights(
      MemorySegment logits, MemorySegment indices, MemorySegment weights, long tokens) {
    int k = perToken;
    for (long t = 0; t < tokens; t++) {
      long row = t * experts;
      double max = Double.NEGATIVE_INFINITY;
      for (int j = 0; j < k; j++) {
        int e = indices.getAtIndex(INT, t * k + j);
        if (e < 0 || e >= experts) {
          throw new IllegalArgumentException(
              "replayed expert " + e + " for token " + t + " of layer " + layer);
        }
        max = Math.max(max, logits.getAtIndex(FLOAT, row + e));
      }
      double sum = 0;
      for (int j = 0; j < k; j++) {
        int e = indices.getAtIndex(INT, t * k + j);
        sum += StrictMath.exp(logits.getAtIndex(FLOAT, row + e) - max);
      }
      for (int j = 0; j < k; j++) {
        int e = indices.getAtIndex(INT, t * k + j);
        double w = StrictMath.exp(logits.getAtIndex(FLOAT, row + e) - max) / sum;
        weights.setAtIndex(FLOAT, t * k + j, (float) w);
      }
    }
  }

  /**
   * Counting sort of the choices by expert; rows of one expert stay in token order.
   *
   * @param count zeros; becomes the choices of each expert
   */
  private void sort(
      MemorySegment indices,
      MemorySegment tokenOfRow,
      MemorySegment slots,
      long tokens,
      int[] count) {
    int k = perToken;
    long choices = tokens * k;
    for (long c = 0; c < choices; c++) {
      int e = indices.getAtIndex(INT, c);
      if (e < 0 || e >= experts) {
        // A router whose logits are NaN cannot choose. The loss will be NaN and stop the step with
        // the layer's name; until then every rank must still enter every collective.
        e = (int) (c % k);
        indices.setAtIndex(INT, c, e);
      }
      count[e]++;
    }
    int[] next = new int[experts];
    for (int e = 1; e < experts; e++) {
      next[e] = next[e - 1] + count[e - 1];
    }
    for (long c = 0; c < choices; c++) {
      int row = next[indices.getAtIndex(INT, c)]++;
      tokenOfRow.setAtIndex(INT, row, (int) (c / k));
      slots.setAtIndex(INT, c, row);
    }
  }

  private void sumStatistics(
      MemorySegment indices, MemorySegment probs, MemorySegment lse, PassContext pass) {
    List<Row> rows = pass.batch().rows();
    double squares = 0;
    for (int r = 0; r < rows.size(); r++) {
      long from = rows.get(r).from();
      long end = from + rows.get(r).count();
      int[] choices = new int[experts];
      for (long c = from * perToken; c < end * perToken; c++) {
        choices[indices.getAtIndex(INT, c)]++;
      }
      double[] sums = new double[experts];
      for (long t = from; t < end; t++) {
        for (int e = 0; e < experts; e++) {
          sums[e] += probs.getAtIndex(FLOAT, t * experts + e);
        }
        double l = lse.getAtIndex(FLOAT, t);
        squares += l * l;
      }
      pass.statistics().choices(layer, r, choices);
      pass.statistics().probabilities(layer, r, sums);
    }
    pass.statistics().squaredLse(squares);
  }
}
