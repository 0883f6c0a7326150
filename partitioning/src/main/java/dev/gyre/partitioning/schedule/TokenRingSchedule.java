package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.schedule.AttentionSchedule.Item;

/**
 * TokenRing schedule: queries travel round the ring while keys and values stay. Partial outputs and
 * their log-sum-exp return directly to the queries' owner, over links that the queries do not use.
 * In backward, queries with output gradients, log-sum-exp and delta travel, and the queries'
 * gradients return directly; the keys' gradients are computed at their owner. Source: Wang et al.,
 * TokenRing, section 3, which has no backward.
 */
public final class TokenRingSchedule implements ScheduleKind {
  public static final String KEY = "tokenring";

  @Override
  public String key() {
    return KEY;
  }

  @Override
  public AttentionSchedule schedule(TileGrid grid) {
    return new AttentionSchedule(
        KEY,
        new Rotation(grid, true).pass(Item.QUERY).returnDirectly(Item.PARTIAL_OUTPUT).programs(),
        new Rotation(grid, true)
            .pass(Item.QUERY_BUNDLE)
            .returnDirectly(Item.QUERY_GRADIENT)
            .programs());
  }
}
