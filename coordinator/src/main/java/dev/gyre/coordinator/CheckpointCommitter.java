package dev.gyre.coordinator;

import java.io.IOException;

/** Verifies a checkpoint that all ranks have written and gives it its final name. */
@FunctionalInterface
public interface CheckpointCommitter {
  /**
   * Called outside the coordinator's loop, one checkpoint at a time, in the order of completion.
   *
   * @return the final folder
   * @throws IOException if a file is missing or differs from what its rank wrote, or storage fails;
   *     the run ends then, with older checkpoints untouched
   */
  String commit(WrittenCheckpoint checkpoint) throws IOException;
}
