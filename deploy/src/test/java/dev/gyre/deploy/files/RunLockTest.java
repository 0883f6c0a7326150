package dev.gyre.deploy.files;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunLockTest {
  @TempDir Path runs;

  /** A refused second attempt must not release the lock that the first one holds. */
  @Test
  void aRunHasOneHolderAtATime() throws Exception {
    RunFolder folder = RunFolder.create(runs, "a");
    RunFolder linked =
        RunFolder.open(Files.createSymbolicLink(runs.resolve("link"), folder.path()));
    try (RunLock _ = RunLock.take(folder)) {
      for (RunFolder again : new RunFolder[] {folder, linked}) {
        IOException e = assertThrows(IOException.class, () -> RunLock.take(again));
        assertTrue(e.getMessage().contains("is running in this process"), e.getMessage());
        assertThrows(IOException.class, () -> RunRecovery.recover(again));
      }
      try (RunLockHolder other = RunLockHolder.start(folder)) {
        assertTrue(other.said().contains("is running in another process"), other.said());
      }
    }
    try (RunLockHolder other = RunLockHolder.start(folder)) {
      assertTrue(other.isTaken(), other.said());
    }
    RunLock.take(folder).close();
  }
}
