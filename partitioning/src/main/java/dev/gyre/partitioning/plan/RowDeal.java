package dev.gyre.partitioning.plan;

import java.util.ArrayList;
import java.util.List;

/** How the rows of a batch are dealt to data ranks and micro-steps. */
public final class RowDeal {
  private RowDeal() {}

  /**
   * The rows of one data rank in each micro-step. Row i belongs to data rank i modulo their number.
   * Every data rank gets equally many micro-steps; it may have no rows in the last.
   *
   * @param rows of the batch
   * @param dataRanks their number
   * @param perMicroStep most rows of a data rank in one micro-step
   */
  public static List<List<Integer>> of(int rows, int dataRanks, int perMicroStep, int dataRank) {
    long each = (long) dataRanks * perMicroStep;
    List<List<Integer>> steps = new ArrayList<>();
    for (long first = 0; first < rows; first += each) {
      List<Integer> own = new ArrayList<>();
      for (long i = first + dataRank; i < Math.min(first + each, rows); i += dataRanks) {
        own.add((int) i);
      }
      steps.add(own);
    }
    return steps;
  }
}
