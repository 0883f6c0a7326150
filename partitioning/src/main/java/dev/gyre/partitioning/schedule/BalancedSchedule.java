package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import java.util.Arrays;
import java.util.List;

/**
 * Balanced schedule for causal attention on the contiguous layout with P ranks, in ⌊P/2⌋ + 1 steps
 * of equal work. In step t, rank p works on the keys of rank p − t. Ranks below t have no such keys
 * and help rank P + p − t instead: its queries are sent to them and their partial outputs are sent
 * back. So helpers cover all distances above P/2, and no rank waits idle for the other half of the
 * triangle. For even P, the last step needs no help. The inputs of a step are sent in the step
 * before, its results in the step after. Source: Li et al., DistFlashAttn (LightSeq), section 3.2,
 * algorithm 2.
 */
public final class BalancedSchedule implements ScheduleKind {
  public static final String KEY = "balanced";

  @Override
  public String key() {
    return KEY;
  }

  /** Only in the contiguous layout do a rank's queries see no keys of later ranks. */
  @Override
  public List<LayoutKind> layouts() {
    return List.of(LayoutKind.CONTIGUOUS);
  }

  /** If two ranks share a prefix, queries of the earlier rank see keys of the later one. */
  @Override
  public boolean computes(AttentionMask mask) {
    return mask.causal();
  }

  /**
   * @throws IllegalArgumentException if a query sees a key of a later rank
   */
  @Override
  public AttentionSchedule schedule(TileGrid grid) {
    for (int query = 0; query < grid.ring(); query++) {
      for (int key : grid.keyOwners(query)) {
        if (key > query) {
          throw new IllegalArgumentException(
              ("schedule balanced needs %s; here queries of ring rank %d see keys of ring rank %d."
                      + " Use ring, allgather or tokenring")
                  .formatted(
                      grid.mask().causal() ? "contiguous order" : "a mask without prefix",
                      query,
                      key));
        }
      }
    }
    return new AttentionSchedule(
        KEY,
        programs(grid, Item.QUERY, Item.PARTIAL_OUTPUT, false),
        programs(grid, Item.QUERY_BUNDLE, Item.QUERY_GRADIENT, true));
  }

  private static List<Program> programs(
      TileGrid grid, Item query, Item queryResult, boolean keyGradients) {
    int ring = grid.ring();
    ScheduleBuilder draft = new ScheduleBuilder(ring);
    for (int rank = 0; rank < ring; rank++) {
      draft.work(0, rank, grid.work(rank, rank));
    }
    // From a rank back to the farthest whose keys it sees.
    int most = Arrays.stream(grid.farthest(true, -1)).max().orElse(0);
    for (int t = 1; t <= ring / 2; t++) {
      if (t > most && ring - t > most) {
        continue; // a window ends before such a distance
      }
      for (int rank = t; rank < ring; rank++) {
        int owner = rank - t;
        Rows keys = grid.keys(rank, owner);
        draft.send(t - 1, Item.KEY_VALUE, owner, owner, rank, keys);
        draft.work(t, rank, grid.work(rank, owner));
        if (keyGradients) {
          draft.send(t + 1, Item.KEY_VALUE_GRADIENT, owner, rank, owner, keys);
        }
      }
      for (int helper = 0; helper < t && 2 * t < ring; helper++) {
        int owner = ring + helper - t;
        Rows queries = grid.queries(owner, helper);
        draft.send(t - 1, query, owner, owner, helper, queries);
        draft.work(t, helper, grid.work(owner, helper));
        draft.send(t + 1, queryResult, owner, helper, owner, queries);
      }
    }
    return draft.programs();
  }
}
