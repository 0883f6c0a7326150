package dev.gyre.trainer.data;

/**
 * Rows cut out of documents that lie end to end.
 *
 * @param drawn documents in that order
 * @param first of each row, before rows are shuffled: index into {@code drawn}
 * @param offset of the row's first token in that document
 * @param order of the rows
 */
record ConcatIndex(
    DocumentSet documents, int[] drawn, int[] first, long[] offset, int[] order, PackStats stats)
    implements PackedIndex {
  @Override
  public int rows() {
    return order.length;
  }

  @Override
  public PackedRow row(int row) {
    int cut = order[row];
    PackedRow packed = new PackedRow(pieces(cut));
    int left = stats.rowTokens();
    long from = offset[cut];
    for (int i = 0; i < packed.pieces(); i++) {
      int d = drawn[first[cut] + i];
      long length = documents.length(d);
      int count = (int) Math.min(left, length - from);
      packed.set(i, d, documents.start(d) + from, count, from + count == length);
      left -= count;
      from = 0;
    }
    return packed;
  }

  private int pieces(int cut) {
    int pieces = 0;
    long left = stats.rowTokens() + offset[cut];
    for (int i = first[cut]; i < drawn.length && left > 0; i++) {
      left -= documents.length(drawn[i]);
      pieces++;
    }
    return pieces;
  }
}
