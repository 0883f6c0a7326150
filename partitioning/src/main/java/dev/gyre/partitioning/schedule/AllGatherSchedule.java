package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import java.util.Arrays;
import java.util.List;

/**
 * All-gather schedule: every rank fetches all keys and values that its queries see from their
 * owners at once, works on its own keys meanwhile, and then on all others. Backward gathers again
 * and sends the gradients directly to the owners. It waits once instead of once per hop, but needs
 * memory for all keys.
 */
public final class AllGatherSchedule implements ScheduleKind {
  public static final String KEY = "allgather";

  @Override
  public String key() {
    return KEY;
  }

  @Override
  public AttentionSchedule schedule(TileGrid grid) {
    return new AttentionSchedule(KEY, programs(grid, false), programs(grid, true));
  }

  private static List<Program> programs(TileGrid grid, boolean gradients) {
    ScheduleBuilder draft = new ScheduleBuilder(grid.ring());
    for (int rank = 0; rank < grid.ring(); rank++) {
      draft.work(0, rank, grid.work(rank, rank));
      // Each rank begins with a different peer, so that no rank serves all others first.
      for (int owner : nearestFirst(grid, rank)) {
        Rows rows = grid.keys(rank, owner);
        draft.send(0, Item.KEY_VALUE, owner, owner, rank, rows);
        draft.work(1, rank, grid.work(rank, owner));
        if (gradients) {
          draft.send(2, Item.KEY_VALUE_GRADIENT, owner, rank, owner, rows);
        }
      }
    }
    return draft.programs();
  }

  /** The other owners of keys that a rank's queries see, by their distance behind it. */
  private static int[] nearestFirst(TileGrid grid, int rank) {
    return Arrays.stream(grid.keyOwners(rank))
        .map(owner -> grid.rank(rank - owner))
        .filter(distance -> distance > 0)
        .sorted()
        .map(distance -> grid.rank(rank - distance))
        .toArray();
  }
}
