package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.mesh.EvenCut;

/**
 * Experts of every MoE layer over the ranks of an expert group: even runs, larger first.
 *
 * @param experts experts per MoE layer; 0 for a dense model
 * @param expertParallel ranks of an expert group
 */
public record ExpertPlacement(int experts, int expertParallel) {
  public ExpertPlacement {
    if (experts < 0 || expertParallel < 1 || expertParallel > Math.max(1, experts)) {
      throw new IllegalArgumentException(
          "%d experts over %d ranks: each rank needs one".formatted(experts, expertParallel));
    }
  }

  /** First expert of an expert rank. */
  public int first(int expertRank) {
    return Math.toIntExact(EvenCut.start(experts, expertParallel, expertRank));
  }

  public int count(int expertRank) {
    return Math.toIntExact(EvenCut.count(experts, expertParallel, expertRank));
  }

  /** Expert rank that holds an expert. */
  public int rankOf(int expert) {
    return EvenCut.partOf(experts, expertParallel, expert);
  }
}
