package dev.gyre.deploy.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.deploy.Cli;
import dev.gyre.partitioning.check.Invalid;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PreflightTest {
  private static final long GB = 1L << 30;

  private static String refusal(int workers, long memoryBytes) {
    Invalid e = assertThrows(Invalid.class, () -> Preflight.requireWorkers(workers, memoryBytes));
    assertEquals("mesh.workers", e.key());
    return e.getMessage();
  }

  @Test
  void aNumberOfWorkersThatIsATypoIsRefused() {
    Preflight.requireWorkers(8, 4 * GB);
    Preflight.requireWorkers(1, GB / 100);
    String typo = refusal(2000, 24 * GB);
    assertTrue(typo.contains("is 2,000, but"), typo);
    assertTrue(typo.contains("Use at most --workers 122"), typo);
    String many = refusal(2000, 1000 * GB);
    assertTrue(many.contains("a run has at most 256 workers. Use at most --workers 256"), many);
  }

  /** The data does not exist: it would be the next thing to be read. */
  @Test
  void moreThreadsThanCoresAreRefusedBeforeDataIsRead(@TempDir Path folder) throws IOException {
    Path job = folder.resolve("job.yaml");
    Files.writeString(
        job, "dataset: {train: [{path: none}]}\nmesh: {workers: 1, kernel-threads: 1024}\n");
    Cli ran = Cli.run("train", job, "--runs", folder.resolve("runs"));
    assertEquals(64, ran.exit(), ran::toString);
    assertTrue(ran.err().contains("mesh.kernel-threads: 1024 is more than the "), ran::toString);
  }
}
