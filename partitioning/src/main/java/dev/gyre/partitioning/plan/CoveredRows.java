package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import dev.gyre.partitioning.schedule.AttentionTile;
import java.util.BitSet;
import java.util.IdentityHashMap;

/**
 * The rows that the tiles of works touch. Each work is examined once, because the forward and the
 * backward pass share immutable works.
 */
final class CoveredRows {
  private final IdentityHashMap<Work, Rows> known = new IdentityHashMap<>();

  /** Local rows of the query owner, and of the key owner. Callers must not change them. */
  record Rows(BitSet queries, BitSet keys) {}

  Rows of(Work work) {
    return known.computeIfAbsent(work, CoveredRows::rows);
  }

  private static Rows rows(Work work) {
    BitSet queries = new BitSet();
    BitSet keys = new BitSet();
    for (AttentionTile tile : work.tiles()) {
      queries.set(tile.queryStart(), tile.queryEnd());
      keys.set(tile.keyStart(), tile.keyEnd());
    }
    return new Rows(queries, keys);
  }
}
