package dev.gyre.trainer.data;

import dev.gyre.partitioning.layout.Documents;

/**
 * One row of a batch, without its tokens.
 *
 * @param part training or held-out documents
 * @param stage of the run's stages the row belongs to, from 0
 * @param epoch 0 for held-out rows
 * @param row index in its epoch
 * @param documents the pieces it holds, each a document of its own
 * @param labelled tokens with a label
 */
public record RowShape(
    Part part, int stage, long epoch, int row, Documents documents, int labelled) {
  /** The documents that a row comes from. */
  public enum Part {
    TRAIN,
    HELD_OUT
  }

  public int tokens() {
    return documents.tokens();
  }
}
