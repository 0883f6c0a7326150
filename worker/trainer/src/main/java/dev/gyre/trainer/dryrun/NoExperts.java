package dev.gyre.trainer.dryrun;

import dev.gyre.kernels.Tensor;
import dev.gyre.model.port.ExpertGroup;
import dev.gyre.partitioning.mesh.EvenCut;
import java.util.Collections;
import java.util.List;

/** An expert group that receives a given number of rows in each round, and moves none. */
final class NoExperts implements ExpertGroup {
  private final int experts;
  private final int ranks;
  private final int rank;
  private final int rows;
  private final int rounds;

  /**
   * @param experts of all ranks of the group
   * @param rank this one's number in the group
   * @param rows received by this rank in each round
   */
  NoExperts(int experts, int ranks, int rank, int rows, int rounds) {
    this.experts = experts;
    this.ranks = ranks;
    this.rank = rank;
    this.rows = rows;
    this.rounds = rounds;
  }

  @Override
  public int firstExpert() {
    return (int) EvenCut.start(experts, ranks, rank);
  }

  @Override
  public int localExperts() {
    return (int) EvenCut.count(experts, ranks, rank);
  }

  @Override
  public List<Round> agreeOnRounds(int[] rowsPerExpert) {
    int local = localExperts();
    int[] offsets = new int[local + 1];
    for (int e = 0; e <= local; e++) {
      offsets[e] = (int) EvenCut.start(rows, local, e);
    }
    int[] none = new int[experts];
    return Collections.nCopies(rounds, new Round(none, none, new int[ranks][local], offsets));
  }

  @Override
  public void dispatch(Round round, Tensor sent, Tensor received) {}

  @Override
  public void combine(Round round, Tensor computed, Tensor returned) {}
}
