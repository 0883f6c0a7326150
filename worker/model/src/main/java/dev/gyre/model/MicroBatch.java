package dev.gyre.model;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;

/**
 * This rank's tokens of one row, and the sizes of the row and batch they belong to. The row itself
 * (its documents and token layout) is set on the {@link dev.gyre.model.port.SequenceRow}.
 *
 * @param tokens I32 [T]; T may be 0
 * @param labels I32 [T], −100 for no label
 * @param positions I32 [T], position inside the document
 * @param rowTokens tokens of the whole row over all its ranks; 0 for no row
 * @param batchLabelled labelled tokens of the global batch
 * @param batchRows rows of the global batch
 * @param batchTokens tokens of the global batch
 */
public record MicroBatch(
    Tensor tokens,
    Tensor labels,
    Tensor positions,
    long rowTokens,
    long batchLabelled,
    int batchRows,
    long batchTokens) {

  public MicroBatch {
    long count = tokens.elements();
    tokens.require("tokens", DType.I32, count);
    labels.require("labels", DType.I32, count);
    positions.require("positions", DType.I32, count);
    if (count > rowTokens || rowTokens > batchTokens || batchLabelled > batchTokens) {
      throw new IllegalArgumentException(
          "%d tokens of a row of %d, in a batch of %d with %d labelled"
              .formatted(count, rowTokens, batchTokens, batchLabelled));
    }
  }

  /** T, this rank's tokens. */
  public long count() {
    return tokens.elements();
  }
}
