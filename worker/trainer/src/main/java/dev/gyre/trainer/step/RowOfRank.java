package dev.gyre.trainer.step;

import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.trainer.data.BatchShape;
import dev.gyre.trainer.data.Feed;
import dev.gyre.trainer.data.RowShape;
import dev.gyre.trainer.rank.BatchTotals;
import dev.gyre.trainer.rank.RowSource;
import dev.gyre.trainer.rank.TrainingRank;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A rank's row in one micro-step, or none if only other data ranks still have one. Row i of a batch
 * belongs to data rank i modulo their number.
 *
 * @param row null for no row
 */
record RowOfRank(@Nullable RowShape row, BatchTotals totals) {
  private static final Documents NOTHING = new Documents();

  /** One for each micro-step; every rank gets equally many. */
  static List<RowOfRank> all(BatchShape shape, TrainingRank rank) {
    Mesh mesh = rank.spec().mesh();
    int data = mesh.dataParallel();
    int mine = mesh.place(rank.transport().rank(), Axis.DATA);
    int rows = shape.rows().size();
    BatchTotals totals = new BatchTotals(shape.tokens(), shape.labelled(), rows);
    List<RowOfRank> all = new ArrayList<>();
    for (int first = 0; first < rows; first += data) {
      int i = first + mine;
      all.add(new RowOfRank(i < rows ? shape.rows().get(i) : null, totals));
    }
    return all;
  }

  Documents documents() {
    return row == null ? NOTHING : row.documents();
  }

  RowSource source(Feed feed) {
    RowShape there = row;
    return there == null
        ? RowSource.NONE
        : (run, tokens, labels) -> feed.read(there, run, tokens, labels);
  }
}
