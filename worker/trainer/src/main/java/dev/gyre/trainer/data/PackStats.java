package dev.gyre.trainer.data;

/**
 * How well an epoch's documents fill its rows.
 *
 * @param rows of the epoch
 * @param rowTokens most tokens of a row
 * @param tokens of all rows
 * @param documents drawn for the epoch; one drawn twice counts twice
 * @param documentsCut documents cut into more than one piece
 * @param packingBytes heap that packing them took
 */
public record PackStats(
    int rows, int rowTokens, long tokens, long documents, long documentsCut, long packingBytes) {
  /** Share of the rows' positions that hold a token, in [0, 1]. */
  public double fill() {
    return rows == 0 ? 0 : (double) tokens / ((double) rows * rowTokens);
  }

  /** Share of the documents that were cut, in [0, 1]. */
  public double cut() {
    return documents == 0 ? 0 : (double) documentsCut / documents;
  }
}
