package dev.gyre.trainer.rank;

import dev.gyre.partitioning.layout.TokenRange;
import java.lang.foreign.MemorySegment;

/** Reads tokens of one row. */
@FunctionalInterface
public interface RowSource {
  /** The source of a rank without a row. */
  RowSource NONE =
      (run, _, _) -> {
        throw new IllegalStateException("tokens " + run + " of an empty row were asked for");
      };

  /**
   * Reads consecutive positions of the row.
   *
   * @param tokens I32, written: {@code run.length()} token ids
   * @param labels I32, written: the label of each, −100 for none
   */
  void read(TokenRange run, MemorySegment tokens, MemorySegment labels);
}
