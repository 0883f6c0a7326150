package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import java.util.ArrayList;
import java.util.List;

/**
 * A row's mask between every two ranks of a ring: the tiles, and the rows that they touch. Other
 * rows need not be sent.
 */
final class TileGrid {
  private final int ring;

  /** By {@code queryOwner · ring + keyOwner}. */
  private final List<Work> works = new ArrayList<>();

  private final List<Rows> queries = new ArrayList<>();
  private final List<Rows> keys = new ArrayList<>();

  TileGrid(SequenceLayout layout, AttentionMask mask) {
    ring = layout.ring();
    TileCutter cutter = new TileCutter(layout, mask);
    for (int query = 0; query < ring; query++) {
      for (int key = 0; key < ring; key++) {
        List<AttentionTile> tiles = cutter.between(query, key);
        works.add(new Work(query, key, tiles));
        queries.add(Rows.queriesOf(tiles));
        keys.add(Rows.keysOf(tiles));
      }
    }
  }

  int ring() {
    return ring;
  }

  /** The ring rank with this number, modulo the ring in either direction. */
  int rank(int number) {
    return Math.floorMod(number, ring);
  }

  Work work(int queryOwner, int keyOwner) {
    return works.get(queryOwner * ring + keyOwner);
  }

  /** An owner's queries that see a key of the other. */
  Rows queries(int queryOwner, int keyOwner) {
    return queries.get(queryOwner * ring + keyOwner);
  }

  /** An owner's keys that a query of the other sees. */
  Rows keys(int queryOwner, int keyOwner) {
    return keys.get(queryOwner * ring + keyOwner);
  }
}
