package dev.gyre.trainer.data;

import dev.gyre.partitioning.layout.Documents;

/**
 * One row of a batch, without its tokens.
 *
 * @param part training or held-out documents
 * @param epoch 0 for held-out rows
 * @param row index in its epoch
 * @param documents the pieces it holds, each a document of its own
 * @param labelled tokens with a label
 */
public record RowShape(Part part, long epoch, int row, Documents documents, int labelled) {
  /** The documents that a row comes from. */
  public enum Part {
    TRAIN,
    HELD_OUT
  }

  public int tokens() {
    return documents.tokens();
  }
}
