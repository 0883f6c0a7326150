package dev.gyre.model;

import static java.util.Objects.requireNonNull;

import dev.gyre.model.port.SequenceRow;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RouterSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Statistics of the routers' choices in one pass, for the auxiliary losses.
 *
 * <p>Per row and layer: f = n/(T·k) with n the choices of each expert over the whole row, P the
 * mean router probability over the row, balance loss E·Σ fₑPₑ. n is summed over the ranks of the
 * row once per pass; P stays a local sum, since the loss is linear in it. Source: Fedus et al.,
 * Switch Transformers, eq. 4, per row and divided by k.
 */
final class RouterStatistics {
  private final List<String> terms;
  private final Objective objective;
  private final int perToken;
  private final int layers;
  private final int experts;
  private final long[][] localRows;
  private final double[] rowCounts;
  private final double[] probabilitySums;
  private double squaredLse;
  private boolean settled;

  RouterStatistics(ModelSpec model, Objective objective) {
    this.terms = model.lossTerms();
    this.objective = objective;
    this.perToken = model.expertsPerToken();
    this.layers = model.depth();
    this.experts = model.experts();
    this.localRows = new long[layers][];
    for (int l = 0; l < layers; l++) {
      localRows[l] = new long[model.feedForward(l).experts()];
    }
    this.rowCounts = new double[layers * experts];
    this.probabilitySums = new double[layers * experts];
  }

  void choices(int layer, int[] rowsPerExpert) {
    for (int e = 0; e < experts; e++) {
      localRows[layer][e] = rowsPerExpert[e];
      rowCounts[layer * experts + e] = rowsPerExpert[e];
    }
  }

  void probability(int layer, int expert, double sumOverTokens) {
    probabilitySums[layer * experts + expert] = sumOverTokens;
  }

  void squaredLse(double sumOverTokens) {
    squaredLse += sumOverTokens;
  }

  /** Sums the choices over the row. Every rank calls it once, after the forward pass. */
  void settle(SequenceRow row) {
    if (rowCounts.length > 0) {
      row.sumOverRow(rowCounts);
    }
    settled = true;
  }

  /** fₑ of the row; 0 if there is no row. */
  double share(int layer, int expert, MicroBatch batch) {
    if (!settled) {
      throw new IllegalStateException("router statistics are read before they are summed");
    }
    double choices = (double) batch.rowTokens() * perToken;
    return choices == 0 ? 0 : rowCounts[layer * experts + expert] / choices;
  }

  /** The gradient of α·balance by any token's probability of an expert: α·E·fₑ/(T·rows). */
  double probabilityGradient(int layer, int expert, MicroBatch batch) {
    if (batch.rowTokens() == 0) {
      return 0;
    }
    return objective.coefficient(RouterSpec.TopK.BALANCE)
        * experts
        * share(layer, expert, batch)
        / ((double) batch.rowTokens() * batch.batchRows());
  }

  StepSums sums(double crossEntropy, MicroBatch batch) {
    double balance = 0;
    double z = 0;
    if (batch.rowTokens() > 0) {
      for (int l = 0; l < layers; l++) {
        for (int e = 0; e < localRows[l].length; e++) {
          double mean = probabilitySums[l * experts + e] / batch.rowTokens();
          balance += experts * share(l, e, batch) * mean;
        }
      }
      balance /= batch.batchRows();
      z = squaredLse / batch.batchTokens();
    }
    Map<String, Double> values = Map.of(RouterSpec.TopK.BALANCE, balance, RouterSpec.TopK.Z, z);
    List<LossTerm> list = new ArrayList<>();
    for (String term : terms) {
      list.add(
          new LossTerm(term, objective.coefficient(term), requireNonNull(values.get(term), term)));
    }
    return new StepSums(crossEntropy, List.copyOf(list), localRows);
  }
}
