package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;

/**
 * Experts of every MoE layer over the ranks of an expert group: even runs, larger first.
 *
 * @param experts experts per MoE layer; 0 for a dense model
 * @param expertParallel ranks of an expert group
 */
public record ExpertPlacement(int experts, int expertParallel) {
  /**
   * Rows of the most popular expert of a layer, as a multiple of its even share: 1.9 to 2.2 in
   * trained layers of 8 experts, top 2, with a balance loss; 3 to 4 in the first hundred steps.
   */
  private static final int HOT = 2;

  public ExpertPlacement {
    MixtureOfExperts.EXPERTS.require("experts", experts);
    NumberRange.whole(1, Math.max(1, experts)).require("expertParallel", expertParallel);
  }

  /** First expert of an expert rank. */
  public int first(int expertRank) {
    return Math.toIntExact(EvenCut.start(experts, expertParallel, expertRank));
  }

  public int count(int expertRank) {
    return Math.toIntExact(EvenCut.count(experts, expertParallel, expertRank));
  }

  /**
   * Of M rows that each rank sends to experts, the rank with the hot one gets this many: {@value
   * #HOT} even shares for that expert, and as many rows as the others for the rest of its own. M if
   * every rank has all experts.
   *
   * @param rows M, at least 0
   * @param expertsPerToken experts per token (top-k), which are distinct
   */
  long busiest(long rows, int expertsPerToken) {
    if (experts < 2) {
      return rows;
    }
    long all = Math.multiplyExact(rows, expertParallel);
    long hot = Math.min(Math.ceilDiv(HOT * all, experts), Math.ceilDiv(all, expertsPerToken));
    return hot + (count(0) - 1) * (all - hot) / (experts - 1);
  }
}
