package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A row's mask between every two ranks of a ring: the tiles, and the rows that they touch. Other
 * rows need not be sent. Pairs of ranks that do not see each other take no memory: with a sliding
 * window those are most of a long ring.
 */
public final class TileGrid {
  private final int ring;
  private final SequenceLayout layout;
  private final AttentionMask mask;

  /** By query owner: the key owners that its queries see, ascending. */
  private final int[][] seen;

  /** By query owner, in the order of {@link #seen}. */
  private final List<List<Cell>> cells = new ArrayList<>();

  /** Two ranks of which one sees the other. */
  private record Cell(Work work, Rows queries, Rows keys) {}

  /** Takes time and memory in proportion to the tiles. */
  public TileGrid(SequenceLayout layout, AttentionMask mask) {
    this.layout = layout;
    this.mask = mask;
    ring = layout.ring();
    seen = new int[ring][];
    TileCutter cutter = new TileCutter(layout, mask);
    int[] owners = new int[ring];
    for (int query = 0; query < ring; query++) {
      List<Cell> own = new ArrayList<>();
      for (int key = cutter.nextMeeting(query, 0);
          key < ring;
          key = cutter.nextMeeting(query, key + 1)) {
        List<AttentionTile> tiles = cutter.between(query, key);
        if (!tiles.isEmpty()) {
          owners[own.size()] = key;
          own.add(new Cell(new Work(query, key, tiles), Rows.queriesOf(tiles), Rows.keysOf(tiles)));
        }
      }
      seen[query] = Arrays.copyOf(owners, own.size());
      cells.add(own);
    }
  }

  public int ring() {
    return ring;
  }

  public SequenceLayout layout() {
    return layout;
  }

  public AttentionMask mask() {
    return mask;
  }

  /** The ring rank with this number, modulo the ring in either direction. */
  int rank(int number) {
    return Math.floorMod(number, ring);
  }

  /** The key owners that a rank's queries see, ascending. */
  int[] keyOwners(int queryOwner) {
    return seen[queryOwner].clone();
  }

  /**
   * Hops from each owner to the farthest rank that needs its data.
   *
   * @param queries whether the owner's queries travel, else its keys
   * @param direction 1 to the next rank, -1 to the one before
   */
  int[] farthest(boolean queries, int direction) {
    int[] farthest = new int[ring];
    for (int query = 0; query < ring; query++) {
      for (int key : seen[query]) {
        int owner = queries ? query : key;
        int other = queries ? key : query;
        farthest[owner] = Math.max(farthest[owner], rank(direction * (other - owner)));
      }
    }
    return farthest;
  }

  /** Without tiles if no query sees a key. */
  Work work(int queryOwner, int keyOwner) {
    int at = Arrays.binarySearch(seen[queryOwner], keyOwner);
    return at < 0 ? new Work(queryOwner, keyOwner, List.of()) : cells.get(queryOwner).get(at).work;
  }

  /** An owner's queries that see a key of the other. */
  Rows queries(int queryOwner, int keyOwner) {
    int at = Arrays.binarySearch(seen[queryOwner], keyOwner);
    return at < 0 ? Rows.NONE : cells.get(queryOwner).get(at).queries;
  }

  /** An owner's keys that a query of the other sees. */
  Rows keys(int queryOwner, int keyOwner) {
    int at = Arrays.binarySearch(seen[queryOwner], keyOwner);
    return at < 0 ? Rows.NONE : cells.get(queryOwner).get(at).keys;
  }
}
