package dev.gyre.deploy.files;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunLockTest {
  @TempDir Path runs;

  @Test
  void aRunHasOneProcessAtATime() throws IOException {
    RunFolder folder = RunFolder.create(runs, "a");
    try (RunLock _ = RunLock.take(folder)) {
      IOException e = assertThrows(IOException.class, () -> RunLock.take(folder));
      assertTrue(e.getMessage().contains("is running in another process"), e.getMessage());
    }
    RunLock.take(folder).close();
  }
}
