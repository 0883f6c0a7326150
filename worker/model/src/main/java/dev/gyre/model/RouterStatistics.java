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
 * rows once per pass; P stays a local sum, since the loss is linear in it. Source: Fedus et al.,
 * Switch Transformers, eq. 4, per row and divided by k.
 */
final class RouterStatistics {
  private final List<String> terms;
  private final Objective objective;
  private final MicroBatch batch;
  private final int perToken;
  private final int layers;
  private final int experts;
  private final long[][] localRows;
  private final double[] choices; // [layer][row][expert]
  private final double[] probabilitySums; // the same
  private double squaredLse;
  private boolean settled;

  RouterStatistics(ModelSpec model, Objective objective, MicroBatch batch) {
    this.terms = model.lossTerms();
    this.objective = objective;
    this.batch = batch;
    this.perToken = model.expertsPerToken();
    this.layers = model.depth();
    this.experts = model.experts();
    this.localRows = new long[layers][];
    for (int l = 0; l < layers; l++) {
      localRows[l] = new long[model.feedForward(l).experts()];
    }
    this.choices = new double[Math.multiplyExact(layers * experts, batch.rows().size())];
    this.probabilitySums = new double[choices.length];
  }

  private int at(int layer, int row, int expert) {
    return (layer * batch.rows().size() + row) * experts + expert;
  }

  /** Choices of this rank's tokens of a row. */
  void choices(int layer, int row, int[] ofExpert) {
    for (int e = 0; e < experts; e++) {
      localRows[layer][e] += ofExpert[e];
      choices[at(layer, row, e)] = ofExpert[e];
    }
  }

  /** Sums over this rank's tokens of a row. */
  void probabilities(int layer, int row, double[] ofExpert) {
    System.arraycopy(ofExpert, 0, probabilitySums, at(layer, row, 0), experts);
  }

  void squaredLse(double sumOverTokens) {
    squaredLse += sumOverTokens;
  }

  /** Sums the choices over the rows. Every rank calls it once, after the forward pass. */
  void settle(SequenceRow row) {
    if (choices.length > 0) {
      row.sumOverRow(choices);
    }
    settled = true;
  }

  /** fₑ of a row. */
  private double share(int layer, int row, int expert) {
    if (!settled) {
      throw new IllegalStateException("router statistics are read before they are summed");
    }
    return choices[at(layer, row, expert)] / ((double) tokens(row) * perToken);
  }

  private long tokens(int row) {
    return batch.rows().get(row).tokens();
  }

  /**
   * The gradient of α·balance by any token's probability of an expert, in one row: α·E·fₑ/(T·rows).
   */
  double probabilityGradient(int layer, int row, int expert) {
    return objective.coefficient(RouterSpec.TopK.BALANCE)
        * experts
        * share(layer, row, expert)
        / ((double) tokens(row) * batch.batchRows());
  }

  StepSums sums(double crossEntropy) {
    double balance = 0;
    for (int l = 0; l < layers; l++) {
      for (int r = 0; r < batch.rows().size(); r++) {
        for (int e = 0; e < localRows[l].length; e++) {
          double mean = probabilitySums[at(l, r, e)] / tokens(r);
          balance += experts * share(l, r, e) * mean;
        }
      }
    }
    balance = batch.rows().isEmpty() ? 0 : balance / batch.batchRows();
    double z = batch.rows().isEmpty() ? 0 : squaredLse / batch.batchTokens();
    Map<String, Double> values = Map.of(RouterSpec.TopK.BALANCE, balance, RouterSpec.TopK.Z, z);
    List<LossTerm> list = new ArrayList<>();
    for (String term : terms) {
      list.add(
          new LossTerm(term, objective.coefficient(term), requireNonNull(values.get(term), term)));
    }
    return new StepSums(crossEntropy, List.copyOf(list), localRows);
  }
}
