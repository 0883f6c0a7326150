package dev.gyre.trainer.data;

import java.util.List;

/**
 * A decoded row, for display.
 *
 * @param shape its documents
 * @param pieces in row order
 */
public record InspectedRow(RowShape shape, List<Piece> pieces) {
  public InspectedRow {
    pieces = List.copyOf(pieces);
  }

  /**
   * A document, or a piece of one that is longer than a row.
   *
   * @param source path of its source, as in the job
   * @param name of the document inside its source
   * @param from index of the first token in the document, or in the part of it that is trained on
   * @param tokens of the piece
   * @param documentTokens of the whole document
   * @param text decoded
   */
  public record Piece(
      String source, String name, long from, int tokens, long documentTokens, String text) {}
}
