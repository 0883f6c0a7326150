package dev.gyre.model;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import java.util.List;

/**
 * This rank's tokens of the rows of a micro-step, and the sizes of the rows and the batch they
 * belong to. Documents and token layout are set on the {@link dev.gyre.model.port.SequenceRow},
 * which holds the rows one after the other.
 *
 * @param tokens I32 [T]; T may be 0
 * @param labels I32 [T], −100 for no label
 * @param positions I32 [T], position inside the document
 * @param rows in the order of their tokens; none for no row
 * @param batchLabelled labelled tokens of the global batch
 * @param batchRows rows of the global batch
 * @param batchTokens tokens of the global batch
 */
public record MicroBatch(
    Tensor tokens,
    Tensor labels,
    Tensor positions,
    List<Row> rows,
    long batchLabelled,
    int batchRows,
    long batchTokens) {

  /**
   * One row.
   *
   * @param from first of this rank's tokens that belongs to it
   * @param count this rank's tokens of it; may be 0
   * @param tokens of the whole row over all its ranks
   */
  public record Row(long from, long count, long tokens) {}

  public MicroBatch {
    rows = List.copyOf(rows);
    long count = tokens.elements();
    tokens.require("tokens", DType.I32, count);
    labels.require("labels", DType.I32, count);
    positions.require("positions", DType.I32, count);
    long here = 0;
    long everywhere = 0;
    for (Row row : rows) {
      if (row.from != here || row.count > row.tokens || row.tokens < 1) {
        throw new IllegalArgumentException(
            "%s does not fit behind %d tokens of the rows before".formatted(row, here));
      }
      here += row.count;
      everywhere += row.tokens;
    }
    if (here != count || everywhere > batchTokens || batchLabelled > batchTokens) {
      throw new IllegalArgumentException(
          "%d tokens in %d of rows of %d, in a batch of %d with %d labelled"
              .formatted(count, here, everywhere, batchTokens, batchLabelled));
    }
  }

  /**
   * A single row.
   *
   * @param rowTokens tokens of the whole row over all its ranks; 0 for no row
   */
  public MicroBatch(
      Tensor tokens,
      Tensor labels,
      Tensor positions,
      long rowTokens,
      long batchLabelled,
      int batchRows,
      long batchTokens) {
    this(
        tokens,
        labels,
        positions,
        rowTokens == 0 ? List.of() : List.of(new Row(0, tokens.elements(), rowTokens)),
        batchLabelled,
        batchRows,
        batchTokens);
  }

  /** T, this rank's tokens. */
  public long count() {
    return tokens.elements();
  }
}
