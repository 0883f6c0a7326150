package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import java.util.List;

/**
 * A way to run the attention of one row over a ring. Each kind is a pure function of layout and
 * mask. Only rows that the mask needs are sent.
 */
public interface ScheduleKind {
  /** The keys that {@link #of} knows. */
  List<String> KEYS =
      List.of(RingSchedule.KEY, AllGatherSchedule.KEY, BalancedSchedule.KEY, TokenRingSchedule.KEY);

  /** The name in job files, plans and schedules. */
  String key();

  /** The layouts it supports, the most suitable first. */
  default List<LayoutKind> layouts() {
    return List.of(LayoutKind.ZIGZAG, LayoutKind.STRIPED, LayoutKind.CONTIGUOUS);
  }

  /** Whether it computes this mask for any row; if not, {@link #schedule} may throw. */
  default boolean computes(AttentionMask mask) {
    return true;
  }

  /**
   * All ranks' programs for one row.
   *
   * @param grid of the row's layout and mask; several kinds may share it
   */
  AttentionSchedule schedule(TileGrid grid);

  /** The same, of a grid that is made for it. */
  default AttentionSchedule schedule(SequenceLayout layout, AttentionMask mask) {
    return schedule(new TileGrid(layout, mask));
  }

  /**
   * The kind of a key; any other text is an error.
   *
   * @param bytes of all Ulysses ranks together, see {@link MessageBytes#ofRow}; a kind with a
   *     choice takes the variant that sends fewer bytes
   */
  static ScheduleKind of(String key, MessageBytes bytes) {
    return switch (key) {
      case RingSchedule.KEY -> new RingSchedule(bytes);
      case AllGatherSchedule.KEY -> new AllGatherSchedule();
      case BalancedSchedule.KEY -> new BalancedSchedule();
      case TokenRingSchedule.KEY -> new TokenRingSchedule();
      default ->
          throw new IllegalArgumentException(
              "attention schedule '" + key + "' must be one of " + String.join(", ", KEYS));
    };
  }
}
