package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import java.util.List;

/**
 * The meaning of a schedule's items in its forward or backward pass.
 *
 * @param queryInput item of the query's owner that a rank needs to compute a tile
 * @param results items that sum shares of several ranks and end at their owner
 */
record SchedulePass(String label, Item queryInput, List<Item> results) {
  static final SchedulePass FORWARD =
      new SchedulePass("forward", Item.QUERY, List.of(Item.PARTIAL_OUTPUT));
  static final SchedulePass BACKWARD =
      new SchedulePass(
          "backward", Item.QUERY_BUNDLE, List.of(Item.KEY_VALUE_GRADIENT, Item.QUERY_GRADIENT));

  SchedulePass {
    results = List.copyOf(results);
  }

  /** Whether shares of this item belong to the key's owner, not the query's. */
  static boolean ofKeys(Item result) {
    return result == Item.KEY_VALUE_GRADIENT;
  }

  boolean knows(Item item) {
    return item == Item.KEY_VALUE || item == queryInput || results.contains(item);
  }
}
