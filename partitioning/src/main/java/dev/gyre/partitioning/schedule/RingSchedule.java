package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Keys and values go round the ring while queries stay. Backward either repeats that, and the keys'
 * gradients follow one hop behind; or queries, output gradients, log-sum-exp and delta go round,
 * with the queries' gradients behind them. Which of the two is a matter of widths alone: with as
 * many key/value heads as query heads the queries' side is the smaller, with half as many the
 * keys'. Sources: Liu et al., Ring Attention with Blockwise Transformers, algorithm 1; Sun et al.,
 * BurstAttention, algorithm 2.
 */
public final class RingSchedule implements ScheduleKind {
  public static final String KEY = "ring";

  private final @Nullable MessageBytes bytes;

  /** Keys go round in backward, too. */
  public RingSchedule() {
    bytes = null;
  }

  /**
   * Backward sends whichever side round takes fewer bytes, row by row; keys if they are equal.
   *
   * @param bytes with the heads of all Ulysses ranks, so that they choose alike
   */
  public RingSchedule(MessageBytes bytes) {
    this.bytes = bytes;
  }

  @Override
  public String key() {
    return KEY;
  }

  @Override
  public AttentionSchedule schedule(SequenceLayout layout, AttentionMask mask) {
    TileGrid grid = new TileGrid(layout, mask);
    List<Program> forward = new Rotation(grid, false).pass(Item.KEY_VALUE).programs();
    List<Program> keys =
        new Rotation(grid, false)
            .pass(Item.KEY_VALUE)
            .returnOneHopBehind(Item.KEY_VALUE_GRADIENT)
            .programs();
    if (bytes == null || layout.ring() == 1) {
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
