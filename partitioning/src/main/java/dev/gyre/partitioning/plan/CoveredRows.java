package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import dev.gyre.partitioning.schedule.AttentionTile;
import java.util.BitSet;
import java.util.IdentityHashMap;

/**
 * Which rows the tiles of works touch, each work looked at once: one and the same immutable work is
 * part of the forward and of the backward pass.
 */
final class CoveredRows {
  private final IdentityHashMap<Work, Rows> known = new IdentityHashMap<>();

  /** Local rows of the query owner, and of the key owner. Not to be changed. */
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
