package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.ModelSpec;

/** How many short rows a data rank trains on at once, one after the other like documents. */
final class RowsChoice {
  /**
   * Tokens of a rank up to which a pass with more of them takes less time for each: below, kernels
   * and messages are small.
   */
  static final int TOKENS = 1024;

  private RowsChoice() {}

  /** The most rows that are worth it. An anchor is a row's first token, so such rows stay alone. */
  static int most(ModelSpec model, TrainSpec train, Mesh mesh) {
    if (model.anchor()) {
      return 1;
    }
    long filling = (long) TOKENS * mesh.degree(Axis.RING, Axis.ULYSSES) / train.sequenceLength();
    int rows = Math.ceilDiv(train.rowsPerStep(), mesh.degree(Axis.DATA));
    return Math.clamp(filling, 1, rows);
  }
}
