package dev.gyre.partitioning.mesh;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.job.MeshSpec;

/**
 * Workers as data × ring × ulysses, the last varying fastest, so that Ulysses neighbours share a
 * host. Independently, each run of {@code expertParallel} consecutive ranks is an expert group that
 * holds every expert once; ranks equal modulo {@code expertParallel} hold the same experts.
 */
public record Mesh(int dataParallel, int ring, int ulysses, int expertParallel) {
  public static final NumberRange DEGREE = NumberRange.whole(1, (long) MeshSpec.DEGREE.most());

  public Mesh {
    DEGREE.require("mesh.data-parallel", dataParallel);
    DEGREE.require("mesh.ring", ring);
    DEGREE.require("mesh.ulysses", ulysses);
    DEGREE.require("mesh.expert-parallel", expertParallel);
    DEGREE.require("mesh.workers", (long) dataParallel * ring * ulysses);
    int workers = dataParallel * ring * ulysses;
    if (workers % expertParallel != 0) {
      throw new Invalid(
          "mesh.expert-parallel",
          "%d does not divide the %d workers (data-parallel %d × ring %d × ulysses %d)"
              .formatted(expertParallel, workers, dataParallel, ring, ulysses));
    }
  }

  /** The same ranks with the experts over {@code degree} of them. */
  public Mesh withExpertParallel(int degree) {
    return new Mesh(dataParallel, ring, ulysses, degree);
  }

  public int workers() {
    return dataParallel * ring * ulysses;
  }

  /** Ranks that share one row: ring × ulysses. */
  public int rowRanks() {
    return ring * ulysses;
  }

  public int dataRank(int rank) {
    return rank / rowRanks();
  }

  public int ringRank(int rank) {
    return rank / ulysses % ring;
  }

  public int ulyssesRank(int rank) {
    return rank % ulysses;
  }

  public int expertRank(int rank) {
    return rank % expertParallel;
  }

  public int rank(int dataRank, int ringRank, int ulyssesRank) {
    return (dataRank * ring + ringRank) * ulysses + ulyssesRank;
  }

  /** All ranks with this rank's row, ascending. */
  public int[] rowGroup(int rank) {
    return consecutive(rank / rowRanks() * rowRanks(), rowRanks());
  }

  /** This rank's ring: same row, same ulysses rank, by ring rank. */
  public int[] ringGroup(int rank) {
    int[] group = new int[ring];
    for (int r = 0; r < ring; r++) {
      group[r] = rank(dataRank(rank), r, ulyssesRank(rank));
    }
    return group;
  }

  /** The ranks that this rank exchanges heads for tokens with. */
  public int[] ulyssesGroup(int rank) {
    return consecutive(rank / ulysses * ulysses, ulysses);
  }

  /** The expert group of this rank: together they hold every expert once. */
  public int[] expertGroup(int rank) {
    return consecutive(rank / expertParallel * expertParallel, expertParallel);
  }

  /** Ranks that hold the same experts as this one, ascending. */
  public int[] expertReplicas(int rank) {
    int[] group = new int[workers() / expertParallel];
    for (int i = 0; i < group.length; i++) {
      group[i] = expertRank(rank) + i * expertParallel;
    }
    return group;
  }

  public int[] everyone() {
    return consecutive(0, workers());
  }

  private static int[] consecutive(int from, int count) {
    int[] group = new int[count];
    for (int i = 0; i < count; i++) {
      group[i] = from + i;
    }
    return group;
  }
}
