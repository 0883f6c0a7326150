package dev.gyre.deploy.files;

import dev.gyre.trainer.checkpoint.CheckpointStore;
import java.io.IOException;

/** Completes checkpoint operations that a killed run left unfinished. */
public final class RunRecovery {
  private RunRecovery() {}

  /**
   * Recovers the checkpoints of a run that is not running; call before searching for a checkpoint.
   *
   * @throws IOException if another process runs this run now, or storage fails
   */
  public static void recover(RunFolder folder) throws IOException {
    try (RunLock _ = RunLock.take(folder)) {
      CheckpointStore.in(folder.checkpoints()).recover();
    }
  }
}
