package dev.gyre.trainer.data;

import java.util.List;

/**
 * A global batch without its tokens; every rank derives the same one.
 *
 * @param rows in order; row i belongs to data rank i modulo their number
 * @param tokens of all rows
 * @param labelled tokens with a label in all rows: what the cross-entropy is divided by
 */
public record BatchShape(List<RowShape> rows, long tokens, long labelled) {
  public BatchShape {
    rows = List.copyOf(rows);
  }

  static BatchShape of(List<RowShape> rows) {
    long tokens = 0;
    long labelled = 0;
    for (RowShape row : rows) {
      tokens += row.tokens();
      labelled += row.labelled();
    }
    return new BatchShape(rows, tokens, labelled);
  }
}
