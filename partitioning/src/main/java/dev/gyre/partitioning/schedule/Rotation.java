package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import java.util.ArrayList;
import java.util.List;

/**
 * One side of attention travels round the ring while the other stays. In step s, rank r works on
 * the data of owner r − s, and meanwhile passes it on if a later rank needs it. Results that belong
 * to the travelling side follow one hop behind, or return directly.
 */
final class Rotation {
  private final TileGrid grid;
  private final boolean queriesTravel;
  private final ScheduleBuilder draft;

  /**
   * @param queriesTravel whether queries travel and keys stay; else keys travel
   */
  Rotation(TileGrid grid, boolean queriesTravel) {
    this.grid = grid;
    this.queriesTravel = queriesTravel;
    draft = new ScheduleBuilder(grid.ring(), grid.ring() + 1);
    for (int s = 0; s < grid.ring(); s++) {
      for (int rank = 0; rank < grid.ring(); rank++) {
        int owner = grid.rank(rank - s);
        draft.work(s, rank, queriesTravel ? grid.work(owner, rank) : grid.work(rank, owner));
      }
    }
  }

  /** The owner's rows that the rank this many hops away works with. */
  private Rows rows(int owner, int hops) {
    int rank = grid.rank(owner + hops);
    return queriesTravel ? grid.queries(owner, rank) : grid.keys(rank, owner);
  }

  /** Every hop sends only the rows that the ranks beyond it need. */
  Rotation pass(Item item) {
    for (int owner = 0; owner < grid.ring(); owner++) {
      Rows needed = Rows.NONE;
      List<Rows> reversed = new ArrayList<>();
      for (int hop = grid.ring() - 1; hop >= 1; hop--) {
        needed = needed.and(rows(owner, hop));
        reversed.add(needed);
      }
      for (int hop = 1; hop < grid.ring(); hop++) {
        int from = grid.rank(owner + hop - 1);
        int to = grid.rank(owner + hop);
        draft.send(hop - 1, item, owner, from, to, reversed.get(grid.ring() - 1 - hop));
      }
    }
    return this;
  }

  /**
   * The sum that step s adds to for an owner is sent on in step s + 1. After a last step without
   * work it arrives at its owner, which adds its own share.
   */
  Rotation returnOneHopBehind(Item result) {
    for (int owner = 0; owner < grid.ring(); owner++) {
      Rows touched = Rows.NONE;
      for (int hop = 1; hop < grid.ring(); hop++) {
        touched = touched.and(rows(owner, hop));
        int from = grid.rank(owner + hop);
        draft.send(hop + 1, result, owner, from, grid.rank(from + 1), touched);
      }
    }
    return this;
  }

  /** The result of step s for an owner is sent directly to it in step s + 1. */
  Rotation returnDirectly(Item result) {
    for (int owner = 0; owner < grid.ring(); owner++) {
      for (int hop = 1; hop < grid.ring(); hop++) {
        int from = grid.rank(owner + hop);
        draft.send(hop + 1, result, owner, from, owner, rows(owner, hop));
      }
    }
    return this;
  }

  List<AttentionSchedule.Program> programs() {
    return draft.programs();
  }
}
