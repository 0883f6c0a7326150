package dev.gyre.deploy.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gyre.trainer.files.StorageException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class MetricsFileTest {
  @TempDir Path temp;

  @Test
  void linesAreAddedToThoseOfAnEarlierRun() throws Exception {
    Path file = temp.resolve("metrics.jsonl");
    for (int run = 0; run < 2; run++) {
      try (MetricsFile metrics = MetricsFile.open(file)) {
        metrics.append("{\"step\":" + (2 * run) + "}");
        metrics.append("{\"step\":" + (2 * run + 1) + "}");
      }
    }
    assertEquals(
        List.of("{\"step\":0}", "{\"step\":1}", "{\"step\":2}", "{\"step\":3}"),
        Files.readAllLines(file));
  }

  @Test
  void halfALineOfACrashIsCutOff() throws Exception {
    Path file = temp.resolve("metrics.jsonl");
    for (String before : List.of("{\"step\":1}\n{\"step\":2, \"lo", "{\"st")) {
      Files.writeString(file, before);
      try (MetricsFile metrics = MetricsFile.open(file)) {
        metrics.append("{\"step\":9}");
      }
      assertEquals(
          before.substring(0, before.indexOf('\n') + 1) + "{\"step\":9}\n", Files.readString(file));
    }
  }

  @Test
  void aFullDiskIsNamedAndHandedOn() throws Exception {
    assumeTrue(Files.exists(Path.of("/dev/full")));
    RunFolder folder = RunFolder.create(temp, "full");
    Files.createSymbolicLink(folder.metrics(), Path.of("/dev/full"));
    String expected =
        folder.metrics() + ": No space left on device; free some and continue with --resume";
    BlockingQueue<String> failures = new LinkedBlockingQueue<>();
    try (RunFiles files = new RunFiles(folder, e -> failures.add(e.getMessage()))) {
      files.metrics("{}");
      assertEquals(expected, failures.poll(20, TimeUnit.SECONDS));
      files.metrics("{}");
      StorageException e = assertThrows(StorageException.class, files::finish);
      assertEquals(expected, e.getMessage());
    }
    assertEquals(List.of(), List.copyOf(failures));
  }

  @Test
  void filesAreReplacedInOrderWithTheLines() throws Exception {
    RunFolder folder = RunFolder.create(temp, "well");
    try (RunFiles files = new RunFiles(folder, e -> {})) {
      files.write(() -> Files.writeString(folder.job(), "{}"));
      files.metrics("{\"step\":1}");
      files.finish();
      assertEquals("{}", Files.readString(folder.job()));
      assertEquals("{\"step\":1}\n", Files.readString(folder.metrics()));
    }
  }
}
