package dev.gyre.deploy.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gyre.deploy.files.RunFolder;
import dev.gyre.trainer.files.StorageException;
import java.io.ByteArrayInputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class RunLogsTest {
  @TempDir Path temp;
  private RunFolder folder;
  private final BlockingQueue<StorageException> failures = new LinkedBlockingQueue<>();

  @BeforeEach
  void folder() throws Exception {
    folder = RunFolder.create(temp, "tiny");
  }

  private static void say(RunLogs logs, int rank, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    new WorkerOutput(rank, new ByteArrayInputStream(bytes), logs).run();
  }

  @Test
  void eachRankHasItsLogAndAllShareOneOfWholeLines() throws Exception {
    try (RunLogs logs = new RunLogs(folder, 2, failures::add)) {
      say(logs, 0, "one\ntwo");
      say(logs, 1, "three\n\n");
    }
    assertEquals("one\ntwo", Files.readString(folder.rankLog(0)));
    assertEquals("three\n\n", Files.readString(folder.rankLog(1)));
    assertEquals(
        List.of("[rank 0] one", "[rank 0] two", "[rank 1] three", "[rank 1] "),
        Files.readAllLines(folder.mergedLog()));
    assertTrue(failures.isEmpty());
  }

  /**
   * A hanging file system, here a pipe that nobody reads, does not block the workers that print.
   */
  @Test
  void aBlockedLogBlocksNoWorkerAndSaysWhatIsMissing() throws Exception {
    assertEquals(0, new ProcessBuilder("mkfifo", folder.mergedLog().toString()).start().waitFor());
    try (RandomAccessFile pipe = new RandomAccessFile(folder.mergedLog().toFile(), "rw");
        RunLogs logs = new RunLogs(folder, 1, failures::add)) {
      String line = "x".repeat(999) + "\n";
      for (int i = 0; i < 200; i++) {
        say(logs, 0, line.repeat(100));
      }
      // The reader continues.
      StringBuilder read = new StringBuilder();
      byte[] buffer = new byte[64 << 10];
      while (!read.toString().contains("are missing here")) {
        read.setLength(Math.max(0, Math.min(read.length(), 100)));
        read.append(new String(buffer, 0, pipe.read(buffer), StandardCharsets.UTF_8));
        say(logs, 0, "again\n");
      }
    }
    assertTrue(failures.isEmpty());
  }

  @Test
  void aFullDiskIsToldOnceWithTheLogsName() throws Exception {
    assumeTrue(Files.exists(Path.of("/dev/full")));
    Files.createSymbolicLink(folder.mergedLog(), Path.of("/dev/full"));
    try (RunLogs logs = new RunLogs(folder, 1, failures::add)) {
      say(logs, 0, "one\ntwo\n");
      assertEquals(
          folder.mergedLog() + ": No space left on device; free some and continue with --resume",
          failures.poll(20, TimeUnit.SECONDS).getMessage());
      say(logs, 0, "three\n");
      logs.flush(Duration.ofSeconds(5));
    }
    assertTrue(failures.isEmpty());
  }
}
