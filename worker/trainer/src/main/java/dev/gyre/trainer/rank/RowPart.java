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
 * This rank's part of one row.
 *
 * @param schedules attention over the ring, by mask
 * @param choices the schedule that layers of each kind run on
 * @param linear layout of linear layers; null for a model without any
 * @param runs the row positions this rank holds, in local order
 */
public record RowPart(
    SequenceLayout layout,
    Map<AttentionMask, AttentionSchedule> schedules,
    Map<LayerKind, String> choices,
    @Nullable LinearAttentionLayout linear,
    List<TokenRange> runs) {
  public RowPart {
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

  /** Tokens of the whole row. */
  public int rowTokens() {
    return layout.documents().tokens();
  }
}
