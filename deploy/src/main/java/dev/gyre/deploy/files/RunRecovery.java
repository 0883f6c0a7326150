package dev.gyre.deploy.files;

import dev.gyre.trainer.checkpoint.CheckpointStore;
import java.io.IOException;

/** Completes what a killed run was doing to its checkpoints. */
public final class RunRecovery {
  private RunRecovery() {}

  /**
   * Recovers the checkpoints of a run that nobody runs; call before one is looked for.
   *
   * @throws IOException if another process runs this run now, or storage fails
   */
  public static void recover(RunFolder folder) throws IOException {
    try (RunLock _ = RunLock.take(folder)) {
      CheckpointStore.in(folder.checkpoints()).recover();
    }
  }
}
