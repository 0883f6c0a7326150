package dev.gyre.model.port;

import dev.gyre.kernels.Tensor;
import java.util.List;

/**
 * The ranks that together hold every expert once. Every rank enters every call, in the same order,
 * even with zero rows.
 */
public interface ExpertGroup {
  /** First of this rank's experts, which are consecutive. */
  int firstExpert();

  int localExperts();

  /**
   * Agrees on how many rows each rank sends to each expert, in rounds, so that no rank receives
   * more rows per round than its bound. No rows are dropped. One round is the normal case. All
   * ranks get the same number of rounds.
   *
   * @param rowsPerExpert this rank's rows for each of all experts
   */
  List<Round> agreeOnRounds(int[] rowsPerExpert);

  /**
   * Sends rows to their experts.
   *
   * @param rows [M,W] this rank's rows sorted by expert (all of them, every round)
   * @param received [round.receivedRows(), W], written: sorted by local expert, then by sending
   *     rank, then as sent
   */
  void dispatch(Round round, Tensor rows, Tensor received);

  /**
   * The reverse of dispatch: computed [round.receivedRows(), W] goes back into this round's part of
   * rows [M,W].
   */
  void combine(Round round, Tensor computed, Tensor rows);

  /**
   * One exchange.
   *
   * @param sendStart first row sent in this round for each of all experts, an index into rows
   * @param sendCount rows sent in this round for each of all experts
   * @param receiveCount {@code [sending rank of the group][local expert]}
   * @param localOffsets start of each local expert's rows among the received, then their total
   */
  record Round(int[] sendStart, int[] sendCount, int[][] receiveCount, int[] localOffsets) {
    public int receivedRows() {
      return localOffsets[localOffsets.length - 1];
    }
  }
}
