package dev.gyre.trainer.step;

import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.plan.RowDeal;
import dev.gyre.trainer.data.BatchShape;
import dev.gyre.trainer.data.Feed;
import dev.gyre.trainer.data.RowShape;
import dev.gyre.trainer.rank.BatchTotals;
import dev.gyre.trainer.rank.RowSource;
import dev.gyre.trainer.rank.TrainingRank;
import java.util.List;

/**
 * A rank's rows in one micro-step, which lie one after the other; none if only other data ranks
 * still have some.
 */
record MicroStep(List<RowShape> rows, BatchTotals totals) {
  MicroStep {
    rows = List.copyOf(rows);
  }

  /** Those of a batch; every rank gets equally many. */
  static List<MicroStep> all(BatchShape shape, TrainingRank rank) {
    Mesh mesh = rank.spec().mesh();
    int mine = mesh.place(rank.transport().rank(), Axis.DATA);
    int rows = shape.rows().size();
    BatchTotals totals = new BatchTotals(shape.tokens(), shape.labelled(), rows);
    return RowDeal.of(rows, mesh.degree(Axis.DATA), rank.spec().rowsPerMicroStep()).stream()
        .map(step -> step.get(mine).stream().map(shape.rows()::get).toList())
        .map(own -> new MicroStep(own, totals))
        .toList();
  }

  List<Documents> documents() {
    return rows.stream().map(RowShape::documents).toList();
  }

  RowSource source(Feed feed) {
    return (run, tokens, labels) -> {
      int start = 0;
      for (RowShape row : rows) {
        int from = Math.max(run.start(), start);
        int count = Math.min(run.end(), start + row.tokens()) - from;
        if (count > 0) {
          long at = (long) (from - run.start()) * Integer.BYTES;
          long bytes = (long) count * Integer.BYTES;
          feed.read(
              row,
              new TokenRange(from - start, count),
              tokens.asSlice(at, bytes),
              labels.asSlice(at, bytes));
        }
        start += row.tokens();
      }
    };
  }
}
