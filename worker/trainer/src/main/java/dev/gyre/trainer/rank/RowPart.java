package dev.gyre.trainer.rank;

import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * This rank's part of the rows of one micro-step, which lie one after the other.
 *
 * @param layout of their documents
 * @param rows tokens of each
 * @param schedules attention over the ring, by mask
 * @param choices the schedule that layers of each kind run on
 * @param linear layout of linear layers; null for a model without any
 * @param runs the positions this rank holds, in local order
 */
public record RowPart(
    SequenceLayout layout,
    List<Integer> rows,
    Map<AttentionMask, AttentionSchedule> schedules,
    Map<LayerKind, String> choices,
    @Nullable LinearAttentionLayout linear,
    List<TokenRange> runs) {
  public RowPart {
    rows = List.copyOf(rows);
    schedules = Map.copyOf(schedules);
    choices = Map.copyOf(choices);
    runs = List.copyOf(runs);
  }

  /** Tokens this rank holds. */
  public int tokens() {
    int n = 0;
    for (TokenRange run : runs) {
      n += run.length();
    }
    return n;
  }
}
