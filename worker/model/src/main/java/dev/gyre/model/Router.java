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
import org.jspecify.annotations.Nullable;

/**
 * Scores every expert by an F32 linear map of the normed residual, and sorts rows by the chosen
 * experts. Kinds of routers differ in how scores become choices and weights. Source: Shazeer et
 * al., Outrageously Large Neural Networks.
 */
abstract sealed class Router permits SoftmaxRouter, GroupRouter {
  static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

  final Ops ops;
  final Backend backend;
  final int experts;
  final int perToken;
  final int layer;
  final TensorNames names;
  private final long hidden;
  private final double normEps;
  private final boolean bias;

  Router(Ops ops, ModelSpec model, MixtureOfExperts spec, int layer, boolean bias) {
    this.ops = ops;
    this.backend = ops.backend;
    this.hidden = model.width();
    this.normEps = model.normEps();
    this.experts = spec.experts();
    this.perToken = spec.router().perToken();
    this.layer = layer;
    this.names = new TensorNames(layer);
    this.bias = bias;
  }

  static Router of(
      Ops ops, ModelSpec model, MixtureOfExperts mixture, Objective objective, int layer) {
    return switch (mixture.router()) {
      case RouterSpec.TopK spec -> new SoftmaxRouter(ops, model, mixture, spec, objective, layer);
      case RouterSpec.GroupTopK spec -> new GroupRouter(ops, model, mixture, spec, layer);
    };
  }

  /**
   * A kind's decision for T tokens.
   *
   * @param scores F32 [T,E], of which the weights are made
   * @param lse F32 [T], the logits' log-sum-exp; null if the kind has no use for it
   * @param indices I32 [T,k] chosen experts, best first
   * @param weights F32 [T,k] of the chosen
   */
  record Choice(Tensor scores, @Nullable Tensor lse, Tensor indices, Tensor weights) {}

  /** The same, with M = T·k rows sorted by expert; see {@link Routing}. */
  private record Decision(Choice choice, Tensor tokenOfRow, Tensor slots, int[] rowsPerExpert) {}

  /** Memory for the choice, saved. */
  abstract Choice newChoice(long tokens);

  /** Computes the choice from logits F32 [T,E]. */
  abstract void choose(Tensor logits, Choice made);

  /** The weight of a token's j-th expert, from the scores of its k experts, for given choices. */
  abstract double weight(double[] scores, int j);

  /** Adds the choice to the pass's statistics, after its rows were counted. On the host. */
  abstract void sumStatistics(Choice made, PassContext pass);

  /** The tensors that {@link #sumStatistics} reads. */
  abstract List<Tensor> readByStatistics(Choice made);

  /**
   * @param dWeights F32 [T,k]
   * @param dLogits F32 [T,E], written
   */
  abstract void backward(Choice made, Tensor dWeights, PassContext pass, Tensor dLogits);

  /**
   * @param x residual F32 [T,d]; the router norms it in F32 with any compute dtype
   * @param h the norm's output [T,d], whose gradient the router contributes to
   */
  final Routing forward(Variable x, Variable h, PassContext pass) {
    Decision made = ops.tape.keep(Retained.ROUTING, () -> decide(x, h, pass));
    Variable w = new Variable("router weights of layer " + layer, made.choice.weights, DType.F32);
    ops.tape.record(() -> backward(x, h, w, made.choice, pass));
    return new Routing(w, made.choice.indices, made.tokenOfRow, made.slots, made.rowsPerExpert);
  }

  private Decision decide(Variable x, Variable h, PassContext pass) {
    Kernels kernels = ops.kernels;
    Workspace workspace = ops.workspace;
    long tokens = x.value().dim(0);
    int k = perToken;
    Choice made = newChoice(tokens);
    Tensor indices = made.indices;
    Tensor tokenOfRow = ops.tape.save(DType.I32, tokens * k);
    Tensor slots = ops.tape.save(DType.I32, tokens, k);

    long mark = workspace.scratchMark();
    Tensor logits = workspace.scratch(DType.F32, tokens, experts);
    kernels.linear(normed(x, h), gate(), logits, false);
    if (bias) {
      kernels.addBias(logits, ops.store.weight(names.routerBias(), experts));
    }
    choose(logits, made);
    workspace.releaseScratch(mark);
    if (pass.observer().replay(layer, indices)) {
      backend.hostReads(made.scores);
      backend.hostWrites(made.weights);
      replayedWeights(made, tokens);
    }

    int[] rows = new int[experts];
    backend.onHost(
        List.of(indices),
        List.of(tokenOfRow, slots),
        () -> sort(indices.segment(), tokenOfRow.segment(), slots.segment(), tokens, rows));
    pass.observer().routed(layer, indices, made.weights);
    backend.onHost(
        readByStatistics(made),
        List.of(),
        () -> {
          countChoices(indices.segment(), pass);
          sumStatistics(made, pass);
        });
    return new Decision(made, tokenOfRow, slots, rows);
  }

  private void backward(Variable x, Variable h, Variable weights, Choice made, PassContext pass) {
    Kernels kernels = ops.kernels;
    Workspace workspace = ops.workspace;
    long tokens = x.value().dim(0);
    Tensor dh = h.gradientToAdd(workspace, kernels);
    long mark = workspace.scratchMark();
    Tensor dLogits = workspace.scratch(DType.F32, tokens, experts);
    backward(made, weights.gradient(), pass, dLogits);
    kernels.linearBackwardWeight(
        dLogits, normed(x, h), ops.store.gradient(names.router(), experts, hidden));
    if (bias) {
      kernels.addBiasBackward(dLogits, ops.store.gradient(names.routerBias(), experts));
    }
    kernels.linearBackwardInput(dLogits, gate(), dh, true);
    workspace.releaseScratch(mark);
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

  /** Computes the weights of given choices. */
  private void replayedWeights(Choice made, long tokens) {
    MemorySegment scores = made.scores.segment();
    MemorySegment indices = made.indices.segment();
    int k = perToken;
    double[] chosen = new double[k];
    for (long t = 0; t < tokens; t++) {
      for (int j = 0; j < k; j++) {
        int e = indices.getAtIndex(INT, t * k + j);
        if (e < 0 || e >= experts) {
          throw new IllegalArgumentException(
              "replayed expert " + e + " for token " + t + " of layer " + layer);
        }
        chosen[j] = scores.getAtIndex(FLOAT, t * experts + e);
      }
      for (int j = 0; j < k; j++) {
        made.weights.segment().setAtIndex(FLOAT, t * k + j, (float) weight(chosen, j));
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

  private void countChoices(MemorySegment indices, PassContext pass) {
    List<Row> rows = pass.batch().rows();
    for (int r = 0; r < rows.size(); r++) {
      long from = rows.get(r).from();
      long end = from + rows.get(r).count();
      int[] choices = new int[experts];
      for (long c = from * perToken; c < end * perToken; c++) {
        choices[indices.getAtIndex(INT, c)]++;
      }
      pass.statistics().choices(layer, r, choices);
    }
  }

  static double sum(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum;
  }
}
