package dev.gyre.partitioning.plan;

import java.util.ArrayList;
import java.util.List;

/** How the rows of a batch are dealt to micro-steps and data ranks. */
public final class RowDeal {
  private RowDeal() {}

  /**
   * The rows of each data rank, by micro-step. Row i belongs to data rank i modulo their number. A
   * data rank may have no rows in the last micro-step.
   *
   * @param rows of the batch
   * @param dataRanks their number
   * @param perMicroStep most rows of a data rank in one micro-step
   */
  public static List<List<List<Integer>>> of(int rows, int dataRanks, int perMicroStep) {
    long each = (long) dataRanks * perMicroStep;
    List<List<List<Integer>>> steps = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      if (row % each == 0) {
        steps.add(new ArrayList<>());
        for (int rank = 0; rank < dataRanks; rank++) {
          steps.getLast().add(new ArrayList<>());
        }
      }
      steps.getLast().get(row % dataRanks).add(row);
    }
    return steps;
  }
}
