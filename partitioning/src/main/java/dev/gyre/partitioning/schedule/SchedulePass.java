package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import java.util.ArrayList;
import java.util.List;

/**
 * The meaning of a schedule's items in its forward or backward pass.
 *
 * @param queryInput item of the query's owner that a rank needs to compute a tile
 * @param results items that sum shares of several ranks and end at their owner
 */
public record SchedulePass(String label, Item queryInput, List<Item> results) {
  public static final SchedulePass FORWARD =
      new SchedulePass("forward", Item.QUERY, List.of(Item.PARTIAL_OUTPUT));
  public static final SchedulePass BACKWARD =
      new SchedulePass(
          "backward", Item.QUERY_BUNDLE, List.of(Item.KEY_VALUE_GRADIENT, Item.QUERY_GRADIENT));

  public SchedulePass {
    results = List.copyOf(results);
  }

  /** Whether shares of this item belong to the key's owner, not the query's. */
  public static boolean ofKeys(Item result) {
    return result == Item.KEY_VALUE_GRADIENT;
  }

  /** What each rank brings: its own tokens, and where their results are summed. */
  public List<Item> own() {
    List<Item> own = new ArrayList<>(List.of(Item.KEY_VALUE, queryInput));
    own.addAll(results);
    return own;
  }

  public boolean knows(Item item) {
    return item == Item.KEY_VALUE || item == queryInput || results.contains(item);
  }
}
