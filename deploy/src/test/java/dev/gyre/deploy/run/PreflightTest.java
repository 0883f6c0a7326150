package dev.gyre.deploy.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.deploy.Cli;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.trainer.worker.Transports;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
  }

  /** Neither data is there nor memory for so many: the transport is checked before. */
  @Test
  void moreWorkersThanATransportConnectsAreRefusedAlike(@TempDir Path folder) throws IOException {
    Path job = folder.resolve("job.yaml");
    Files.writeString(job, "dataset: {train: [{path: none}]}\n");
    for (String command : List.of("plan", "train")) {
      Cli ran = Cli.run(command, job, "--ring", 300, "--transport", "ipc");
      assertEquals(64, ran.exit(), ran::toString);
      String limit =
          "transport: ipc connects at most 256 ranks, but data-parallel 1 × ring 300 × ulysses 1 is"
              + " 300 ranks. Use transport udp, or at most 256 workers.";
      assertTrue(ran.err().contains(limit), ran::toString);
    }
  }

  @Test
  void theJobsTransportsAreThoseThereAre() {
    List<String> names = new ArrayList<>(List.of("auto"));
    Transports.offers().forEach(offer -> names.add(offer.name()));
    assertEquals(names, JobSpec.TRANSPORTS);
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
