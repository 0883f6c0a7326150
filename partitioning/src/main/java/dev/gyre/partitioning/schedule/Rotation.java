package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One side of attention travels round the ring while the other stays. In step s, a rank works on
 * the data of the owner s hops behind, and meanwhile passes it on if a later rank needs it. It
 * travels to the next rank, or to the one before where that takes fewer hops: with a sliding window
 * over contiguous tokens, keys are needed by ranks after their owner, queries by ranks before it.
 * Results that belong to the travelling side follow one hop behind, or return directly.
 */
final class Rotation {
  private final TileGrid grid;
  private final boolean queriesTravel;
  private final int direction;

  /** By owner: hops to the last rank that works with its data. */
  private final int[] farthest;

  private final ScheduleBuilder draft;

  /**
   * @param queriesTravel whether queries travel and keys stay; else keys travel
   */
  Rotation(TileGrid grid, boolean queriesTravel) {
    this.grid = grid;
    this.queriesTravel = queriesTravel;
    int[] next = grid.farthest(queriesTravel, 1);
    int[] before = grid.farthest(queriesTravel, -1);
    boolean back = Arrays.stream(before).sum() < Arrays.stream(next).sum();
    direction = back ? -1 : 1;
    farthest = back ? before : next;
    draft = new ScheduleBuilder(grid.ring());
    for (int owner = 0; owner < grid.ring(); owner++) {
      for (int hop = 0; hop <= farthest[owner]; hop++) {
        int rank = rank(owner, hop);
        draft.work(hop, rank, queriesTravel ? grid.work(owner, rank) : grid.work(rank, owner));
      }
    }
  }

  /** The rank so many hops away from an owner. */
  private int rank(int owner, int hops) {
    return grid.rank(owner + direction * hops);
  }

  /** The owner's rows that the rank this many hops away works with. */
  private Rows rows(int owner, int hops) {
    int rank = rank(owner, hops);
    return queriesTravel ? grid.queries(owner, rank) : grid.keys(rank, owner);
  }

  /** Every hop sends only the rows that the ranks beyond it need. */
  Rotation pass(Item item) {
    for (int owner = 0; owner < grid.ring(); owner++) {
      Rows needed = Rows.NONE;
      List<Rows> reversed = new ArrayList<>();
      for (int hop = farthest[owner]; hop >= 1; hop--) {
        needed = needed.and(rows(owner, hop));
        reversed.add(needed);
      }
      for (int hop = 1; hop <= farthest[owner]; hop++) {
        Rows sent = reversed.get(farthest[owner] - hop);
        draft.send(hop - 1, item, owner, rank(owner, hop - 1), rank(owner, hop), sent);
      }
    }
    return this;
  }

  /**
   * The sum that step s adds to for an owner is sent on in step s + 1. The last rank that adds to
   * it sends it to its owner, which adds its own share.
   */
  Rotation returnOneHopBehind(Item result) {
    for (int owner = 0; owner < grid.ring(); owner++) {
      Rows touched = Rows.NONE;
      for (int hop = 1; hop <= farthest[owner]; hop++) {
        touched = touched.and(rows(owner, hop));
        int to = hop == farthest[owner] ? owner : rank(owner, hop + 1);
        draft.send(hop + 1, result, owner, rank(owner, hop), to, touched);
      }
    }
    return this;
  }

  /** The result of step s for an owner is sent directly to it in step s + 1. */
  Rotation returnDirectly(Item result) {
    for (int owner = 0; owner < grid.ring(); owner++) {
      for (int hop = 1; hop <= farthest[owner]; hop++) {
        draft.send(hop + 1, result, owner, rank(owner, hop), owner, rows(owner, hop));
      }
    }
    return this;
  }

  List<AttentionSchedule.Program> programs() {
    return draft.programs();
  }
}
