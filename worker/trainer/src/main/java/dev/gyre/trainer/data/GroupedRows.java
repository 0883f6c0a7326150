package dev.gyre.trainer.data;

import java.util.ArrayList;
import java.util.List;

/**
 * Rows made of several short ones each, side by side: the pieces stay documents of their own. The
 * last row of an epoch may have fewer.
 */
final class GroupedRows implements PackedIndex {
  private final PackedIndex sequences;
  private final int perRow;

  /**
   * @param perRow sequences in a row
   */
  GroupedRows(PackedIndex sequences, int perRow) {
    this.sequences = sequences;
    this.perRow = perRow;
  }

  @Override
  public int rows() {
    return Math.ceilDiv(sequences.rows(), perRow);
  }

  @Override
  public PackedRow row(int row) {
    List<PackedRow> parts = new ArrayList<>(perRow);
    int pieces = 0;
    for (int i = row * perRow; i < Math.min(sequences.rows(), (row + 1) * perRow); i++) {
      PackedRow part = sequences.row(i);
      parts.add(part);
      pieces += part.pieces();
    }
    PackedRow whole = new PackedRow(pieces);
    int at = 0;
    for (PackedRow part : parts) {
      for (int p = 0; p < part.pieces(); p++) {
        whole.set(at++, part.document()[p], part.start()[p], part.length()[p], part.last()[p]);
      }
    }
    return whole;
  }

  @Override
  public PackStats stats() {
    return sequences.stats();
  }
}
