package dev.gyre.trainer.rank;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.MicroBatch;
import dev.gyre.model.MicroBatch.Row;
import dev.gyre.model.port.SequenceRow;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.trainer.sequence.ShardedSequence;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** Opens rows on one rank, and reads its tokens into memory of the backend. */
public final class RowOpener {
  private final Backend backend;
  private final ModelSpec model;
  private final ShardedSequence sequence;

  public RowOpener(Backend backend, ModelSpec model, ShardedSequence sequence) {
    this.backend = backend;
    this.model = model;
    this.sequence = sequence;
  }

  /** This rank's tokens of a row, and the row. */
  public record OpenRow(MicroBatch batch, SequenceRow row) {}

  /**
   * @param memory holds the tokens, and what the row needs, at its bottom
   */
  public OpenRow open(RowPart part, RowSource source, BatchTotals totals, Workspace memory) {
    int count = part.tokens();
    Tensor tokens = memory.save(DType.I32, count);
    Tensor labels = memory.save(DType.I32, count);
    Tensor positions = memory.save(DType.I32, count);
    backend.onHost(
        List.of(),
        List.of(tokens, labels, positions),
        () -> read(part, source, tokens.segment(), labels.segment(), positions.segment()));
    MicroBatch batch =
        new MicroBatch(
            tokens,
            labels,
            positions,
            rows(part),
            totals.labelled(),
            totals.rows(),
            totals.tokens());
    return new OpenRow(
        batch, sequence.open(part.layout(), part.schedules(), part.linear(), memory));
  }

  /** This rank's tokens of each row. Its runs ascend, so those of a row are consecutive. */
  private static List<Row> rows(RowPart part) {
    List<Row> rows = new ArrayList<>();
    long here = 0;
    int start = 0;
    for (int tokens : part.rows()) {
      long count = 0;
      for (TokenRange run : part.runs()) {
        count += Math.max(0, Math.min(run.end(), start + tokens) - Math.max(run.start(), start));
      }
      rows.add(new Row(here, count, tokens));
      here += count;
      start += tokens;
    }
    return rows;
  }

  private void read(
      RowPart part,
      RowSource source,
      MemorySegment tokens,
      MemorySegment labels,
      MemorySegment positions) {
    Documents documents = part.layout().documents();
    long at = 0;
    for (TokenRange run : part.runs()) {
      long bytes = (long) run.length() * Integer.BYTES;
      source.read(
          run,
          tokens.asSlice(at * Integer.BYTES, bytes),
          labels.asSlice(at * Integer.BYTES, bytes));
      int document = run.length() == 0 ? 0 : documents.documentOf(run.start());
      int first = model.firstPosition(document);
      for (int p = run.start(); p < run.end(); p++) {
        if (p >= documents.start(document + 1)) {
          document++;
          first = model.firstPosition(document);
        }
        positions.setAtIndex(ValueLayout.JAVA_INT, at++, first + p - documents.start(document));
      }
    }
  }
}
