package dev.gyre.trainer.data;

/**
 * Rows as lists of pieces.
 *
 * @param ids of the pieces of all rows, in order
 * @param rowStart first piece of each row, then the number of pieces
 */
record BestFitIndex(LongDocuments pieces, int[] ids, int[] rowStart, PackStats stats)
    implements PackedIndex {
  @Override
  public int rows() {
    return rowStart.length - 1;
  }

  @Override
  public PackedRow row(int row) {
    int from = rowStart[row];
    PackedRow packed = new PackedRow(rowStart[row + 1] - from);
    for (int i = 0; i < packed.pieces(); i++) {
      pieces.put(ids[from + i], packed, i);
    }
    return packed;
  }
}
