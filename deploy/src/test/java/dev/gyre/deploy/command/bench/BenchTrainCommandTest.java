package dev.gyre.deploy.command.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.Cli;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.plan.Planner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

final class BenchTrainCommandTest {
  @TempDir Path folder;

  private static JobSpec job(String... more) {
    List<String> words = new ArrayList<>(List.of("--text", "text.txt"));
    words.addAll(List.of(more));
    BenchTrainCommand command = new BenchTrainCommand();
    new CommandLine(command).parseArgs(words.toArray(String[]::new));
    return command.job().spec();
  }

  @Test
  void defaultsAreThePeers() {
    JobSpec job = job();
    assertEquals(512, job.model().width());
    assertEquals(4, job.model().depth());
    assertEquals(8, job.model().heads().queries());
    assertEquals(4, job.model().heads().keyValues());
    assertEquals(8, job.model().experts());
    assertEquals(2, job.model().expertsPerToken());
    assertEquals(768, job.model().feedForward(0).width());
    assertEquals(256, job.model().vocabulary());
    assertEquals(false, job.model().head().tied());
    assertEquals(3e-4, job.train().optimizer().lr());
    assertEquals(3e-4, job.train().optimizer().lrAt(0, 8), "no warm-up");
    assertEquals(3e-4, job.train().optimizer().lrAt(7, 8), "no decay");
    assertEquals(0, job.train().optimizer().clip());
    assertEquals(0, job.train().balanceLoss());
    assertEquals(0, job.dataset().holdout());
    assertEquals(false, job.checkpoint().due(8, 8), "nothing is written in the last step");
    assertEquals(new Mesh(1, 1, 1, 1), Planner.mesh(job));
  }

  @Test
  void degreesMakeTheMeshAndTheBatch() {
    JobSpec job = job("--data-parallel", "2", "--ring", "2", "--seq", "1024");
    assertEquals(new Mesh(2, 2, 1, 4), Planner.mesh(job), "experts over all workers");
    assertEquals(2048, job.train().batchTokens());
    assertEquals(2, Planner.mesh(job("--ring", "4", "--expert-parallel", "2")).expertParallel());
  }

  @Test
  void recomputeAndItsFormerName() {
    assertEquals("auto", job().train().memory().recompute());
    assertEquals("all", job("--recompute", "all").train().memory().recompute());
    assertEquals("all", job("--activations", "full").train().memory().recompute());
  }

  @Test
  void dtypeNames() {
    assertEquals("auto", job().train().dtype());
    assertEquals("f32", job("--dtype", "fp32").train().dtype());
    assertEquals("f32", job("--dtype", "f32").train().dtype());
    assertEquals("bf16", job("--dtype", "bf16").train().dtype());
  }

  @Test
  void aTextThatIsTooShort() throws IOException {
    Path text = Files.writeString(folder.resolve("text.txt"), "x".repeat(1000));
    Cli ran = Cli.run("bench", "train", "--text", text, "--seq", 512, "--steps", 2);
    assertEquals(ExitCode.BAD_JOB.code(), ran.exit(), ran::toString);
    assertTrue(
        ran.err().contains("has 1,000 bytes; 2 steps of 512 tokens need 1,024"), ran::toString);
    assertEquals("", ran.out());
  }
}
