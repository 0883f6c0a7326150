package dev.gyre.trainer.data;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.function.LongFunction;

/**
 * Finds a row in the concatenation of all epochs. Caches the most recent epochs, as many as a batch
 * may span.
 */
final class EpochRows {
  private final LongFunction<PackedIndex> pack;
  private final boolean sameRowsEveryEpoch;
  private final int rowsPerBatch;

  /** Rows before each epoch, as far as known; unused if all epochs have the same number of rows. */
  private final List<Long> firstRow = new ArrayList<>(List.of(0L));

  /** By epoch, the most recently used last. */
  private final LinkedHashMap<Long, PackedIndex> kept = new LinkedHashMap<>(16, 0.75f, true);

  /** A row of an epoch. */
  record Place(long epoch, int row, PackedIndex index) {}

  EpochRows(LongFunction<PackedIndex> pack, boolean sameRowsEveryEpoch, int rowsPerBatch) {
    this.pack = pack;
    this.sameRowsEveryEpoch = sameRowsEveryEpoch;
    this.rowsPerBatch = rowsPerBatch;
  }

  synchronized PackedIndex index(long epoch) {
    PackedIndex index = kept.get(epoch);
    if (index == null) {
      // Before another is packed, so that there is room for it. A batch starts inside one epoch and
      // may go through several short ones.
      while (kept.size() >= touched()) {
        kept.pollFirstEntry();
      }
      index = pack.apply(epoch);
      kept.put(epoch, index);
    }
    return index;
  }

  private int touched() {
    int rows = kept.isEmpty() ? 1 : kept.lastEntry().getValue().rows();
    return 2 + rowsPerBatch / Math.max(1, rows);
  }

  /**
   * @param row counted over all epochs
   */
  synchronized Place place(long row) {
    if (row < 0) {
      throw new IndexOutOfBoundsException("row " + row);
    }
    if (sameRowsEveryEpoch) {
      int rows = kept.isEmpty() ? index(0).rows() : kept.lastEntry().getValue().rows();
      long epoch = row / rows;
      return new Place(epoch, (int) (row % rows), index(epoch));
    }
    // Rows per epoch differ with the documents drawn, so all earlier epochs are counted once.
    while (firstRow.getLast() <= row) {
      int epoch = firstRow.size() - 1;
      firstRow.add(firstRow.get(epoch) + index(epoch).rows());
    }
    int epoch = firstRow.size() - 2;
    while (firstRow.get(epoch) > row) {
      epoch--;
    }
    return new Place(epoch, (int) (row - firstRow.get(epoch)), index(epoch));
  }
}
