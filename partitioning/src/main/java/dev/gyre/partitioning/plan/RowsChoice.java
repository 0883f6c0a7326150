package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.MeshSpec;
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

  /** More rows than fill a rank of one token a row. */
  static final int MOST = TOKENS * (int) MeshSpec.DEGREE.most();

  /** Router statistics of a micro-step: one number per layer, row and expert. */
  private static final int STATISTICS = 1 << 16;

  private RowsChoice() {}

  /** The most rows that are worth it. An anchor is a row's first token, so such rows stay alone. */
  static int most(ModelSpec model, TrainSpec train, Mesh mesh) {
    if (model.anchor()) {
      return 1;
    }
    long filling = (long) TOKENS * mesh.degree(Axis.RING, Axis.ULYSSES) / train.sequenceLength();
    long ofRow = (long) model.depth() * Math.max(1, model.experts());
    int rows = Math.ceilDiv(train.rowsPerStep(), mesh.degree(Axis.DATA));
    return Math.clamp(Math.min(filling, STATISTICS / ofRow), 1, rows);
  }
}
