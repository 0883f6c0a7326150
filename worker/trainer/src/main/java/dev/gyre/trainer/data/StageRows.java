package dev.gyre.trainer.data;

/**
 * The training rows of one stage of a run.
 *
 * @param firstStep of the stage
 * @param rowsPerStep rows of a step's batch
 * @param epochs the stage's rows, from its first step on
 */
record StageRows(long firstStep, int rowsPerStep, EpochRows epochs) {
  /** Index of a step's first row in the concatenation of the stage's epochs. */
  long firstRow(long step) {
    return Math.multiplyExact(step - firstStep, (long) rowsPerStep);
  }
}
