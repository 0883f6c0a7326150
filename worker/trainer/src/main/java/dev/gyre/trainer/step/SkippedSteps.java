package dev.gyre.trainer.step;

/** Counts the steps whose update was left out because a loss or norm was not finite. */
final class SkippedSteps {
  /**
   * Some batches are bad, and a run recovers from a short burst of them. After twenty in a row the
   * weights have not moved, and the next batch will find them as they are.
   */
  static final int MOST_IN_A_ROW = 20;

  private long total;
  private int inARow;

  /**
   * @param before of the run that is resumed
   */
  SkippedSteps(long before) {
    total = before;
  }

  void skipped() {
    total++;
    inARow++;
  }

  void applied() {
    inARow = 0;
  }

  boolean tooMany() {
    return inARow >= MOST_IN_A_ROW;
  }

  /** Of the whole run. */
  long total() {
    return total;
  }

  /**
   * The number of the update that a step makes, from 1: AdamW's bias correction counts updates.
   *
   * @param step from 0
   */
  long update(long step) {
    return step + 1 - total;
  }
}
