package dev.gyre.model.local;

import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.port.ExpertGroup;
import java.util.ArrayList;
import java.util.List;

/** All experts on one rank: dispatch and combine are copies. */
public final class LocalExpertGroup implements ExpertGroup {
  private final Kernels kernels;
  private final int experts;
  private final int rowsBound;

  /**
   * @param rowsBound most rows of a round; {@link Integer#MAX_VALUE} for always one round
   */
  public LocalExpertGroup(Kernels kernels, int experts, int rowsBound) {
    if (rowsBound < 1) {
      throw new IllegalArgumentException("a round of at most " + rowsBound + " rows");
    }
    this.kernels = kernels;
    this.experts = experts;
    this.rowsBound = rowsBound;
  }

  @Override
  public int firstExpert() {
    return 0;
  }

  @Override
  public int localExperts() {
    return experts;
  }

  /** Round r takes rows {@code [r·bound, (r+1)·bound)} of the sorted rows. */
  @Override
  public List<Round> agreeOnRounds(int[] rowsPerExpert) {
    long total = 0;
    for (int n : rowsPerExpert) {
      total += n;
    }
    List<Round> rounds = new ArrayList<>();
    long from = 0;
    do {
      long to = Math.min(total, from + rowsBound);
      rounds.add(round(rowsPerExpert, from, to));
      from = to;
    } while (from < total);
    return rounds;
  }

  private Round round(int[] rowsPerExpert, long from, long to) {
    int[] start = new int[experts];
    int[] count = new int[experts];
    int[] offsets = new int[experts + 1];
    long first = 0;
    for (int e = 0; e < experts; e++) {
      long end = first + rowsPerExpert[e];
      long a = Math.clamp(from, first, end);
      long b = Math.clamp(to, first, end);
      start[e] = (int) a;
      count[e] = (int) (b - a);
      offsets[e + 1] = offsets[e] + count[e];
      first = end;
    }
    return new Round(start, count, new int[][] {count}, offsets);
  }

  @Override
  public void dispatch(Round round, Tensor rows, Tensor received) {
    for (int e = 0; e < experts; e++) {
      int count = round.sendCount()[e];
      kernels.copy(
          rows.slice(round.sendStart()[e], count), received.slice(round.localOffsets()[e], count));
    }
  }

  @Override
  public void combine(Round round, Tensor computed, Tensor rows) {
    for (int e = 0; e < experts; e++) {
      int count = round.sendCount()[e];
      kernels.copy(
          computed.slice(round.localOffsets()[e], count), rows.slice(round.sendStart()[e], count));
    }
  }
}
