package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Ring schedule: keys and values travel round the ring while queries stay. There are two ways for
 * backward. Either keys and values travel again, with their gradients one hop behind. Or queries,
 * output gradients, log-sum-exp and delta travel, with the gradients of the queries one hop behind.
 * The widths decide: with as many key/value heads as query heads, queries are smaller; with half as
 * many, keys are. Sources: Liu et al., Ring Attention with Blockwise Transformers, algorithm 1; Sun
 * et al., BurstAttention, algorithm 2.
 */
public final class RingSchedule implements ScheduleKind {
  public static final String KEY = "ring";

  private final @Nullable MessageBytes bytes;

  /** Keys travel round the ring in backward too. */
  public RingSchedule() {
    bytes = null;
  }

  /**
   * Backward sends the side with fewer bytes round the ring, chosen per row; keys if both are
   * equal.
   *
   * @param bytes of all Ulysses ranks together, so that they choose alike
   */
  public RingSchedule(MessageBytes bytes) {
    this.bytes = bytes;
  }

  @Override
  public String key() {
    return KEY;
  }

  @Override
  public AttentionSchedule schedule(TileGrid grid) {
    List<Program> forward = new Rotation(grid, false).pass(Item.KEY_VALUE).programs();
    List<Program> keys =
        new Rotation(grid, false)
            .pass(Item.KEY_VALUE)
            .returnOneHopBehind(Item.KEY_VALUE_GRADIENT)
            .programs();
    if (bytes == null || grid.ring() == 1) {
      return new AttentionSchedule(KEY, forward, keys);
    }
    List<Program> queries =
        new Rotation(grid, true)
            .pass(Item.QUERY_BUNDLE)
            .returnOneHopBehind(Item.QUERY_GRADIENT)
            .programs();
    return new AttentionSchedule(
        KEY, forward, bytes.sent(queries) < bytes.sent(keys) ? queries : keys);
  }
}
