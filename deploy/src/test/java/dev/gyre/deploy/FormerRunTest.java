package dev.gyre.deploy;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.files.PlanFile;
import dev.gyre.deploy.job.JobFile;
import dev.gyre.deploy.run.GivenPlan;
import dev.gyre.model.hf.HfFolder;
import dev.gyre.model.safetensors.SafetensorsReader;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.trainer.checkpoint.Manifest;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.step.EvalMetrics;
import dev.gyre.trainer.step.StepMetrics;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A run folder written by a build from before plan format 7 and data fingerprints of version 3,
 * after 40 of 60 steps. Its files are unchanged, except the metrics, which have only one step.
 */
final class FormerRunTest {
  @TempDir Path folder;
  private Path runs = Path.of("");
  private Path job = Path.of("");
  private Path checkpoint = Path.of("");

  @BeforeEach
  void copyTheRun() throws IOException, URISyntaxException {
    Path resource = Path.of(FormerRunTest.class.getResource("former-run/job.yaml").toURI());
    try (var files = Files.walk(resource.getParent())) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Path copy = folder.resolve(resource.getParent().relativize(file).toString());
        Files.createDirectories(copy.getParent());
        Files.copy(file, copy);
      }
    }
    runs = folder;
    job = folder.resolve("job.yaml");
    checkpoint = folder.resolve("tiny").resolve("checkpoints").resolve("step-40");
  }

  private static Cli succeeds(Object... args) {
    Cli ran = Cli.run(args);
    assertEquals(0, ran.exit(), ran::toString);
    return ran;
  }

  @Test
  void isListedAndVerified() {
    Cli listed = succeeds("checkpoint", "list", "tiny", "--runs", runs);
    assertTrue(listed.out().lines().toList().get(1).strip().startsWith("40 "), listed::toString);
    Cli verified = succeeds("checkpoint", "verify", "tiny", "--runs", runs);
    assertTrue(verified.out().contains(checkpoint + "  whole: step 40"), verified::toString);
  }

  /** Exports the model, with exactly the weights that the original build exports. */
  @Test
  void isExported() throws IOException {
    Path hf = folder.resolve("hf");
    succeeds("checkpoint", "export", "tiny", "--runs", runs, "--hf", hf);
    assertEquals(Manifest.read(checkpoint).model(), HfFolder.read(hf, null, Map.of()).model());
    try (SafetensorsReader was = SafetensorsReader.open(folder.resolve("exported.safetensors"));
        SafetensorsReader now = SafetensorsReader.open(hf.resolve("model.safetensors"))) {
      assertEquals(was.names(), now.names());
      for (String name : was.names()) {
        assertEquals(was.info(name).dtype(), now.info(name).dtype(), name);
        assertArrayEquals(was.info(name).shape(), now.info(name).shape(), name);
        assertEquals(-1, was.bytes(name).mismatch(now.bytes(name)), name);
      }
    }
  }

  /** Generates the same text as the original build. */
  @Test
  void isGeneratedFrom() {
    Cli ran =
        succeeds(
            "generate",
            "tiny",
            "ring",
            "--runs",
            runs,
            "--tokens",
            10,
            "--temperature",
            0,
            "--backend",
            "scalar");
    assertEquals("ring aaaaaaaaa\n", ran.out());
  }

  @Test
  void itsPlanIsReadAndFitsItsJob() throws IOException {
    Plan plan = PlanFile.read(folder.resolve("tiny").resolve("plan.json"));
    assertEquals(Plan.FORMAT_VERSION, plan.formatVersion());
    assertEquals("all", plan.activations().recompute());
    JobSpec now = new JobFile((_, _) -> null, _ -> 256).read(job, List.of());
    GivenPlan.check(plan, now);
  }

  /** Equal except for the handling of text that is not UTF-8, and the base of relative paths. */
  @Test
  void itsJobIsTheJobFilesJob() throws IOException {
    JobSpec was =
        SpecJson.read(
            Files.readString(folder.resolve("tiny").resolve("job.json")),
            JobSpec.class,
            "job.json");
    JobSpec now = new JobFile((_, _) -> null, _ -> 256).read(job, List.of());
    assertEquals(now.model(), was.model());
    assertEquals(now.train(), was.train());
    assertEquals(now.dataset().with("invalidText", "replace"), was.dataset());
  }

  @Test
  void itsMetricsAreRead() throws IOException {
    String line = Files.readString(folder.resolve("tiny").resolve("metrics.jsonl"));
    EvalMetrics eval = StepMetrics.parse(line, "metrics.jsonl").eval();
    assertEquals(1, eval.lossByPosition().size());
  }

  /**
   * Its rows cannot be reproduced: it is refused before its data, which does not exist, is read and
   * before a worker starts.
   */
  @Test
  void isNotResumedOnOtherRows() {
    Cli ran = Cli.run("train", job, "--resume", "--runs", runs);
    assertEquals(ExitCode.BAD_JOB.code(), ran.exit(), ran::toString);
    assertTrue(ran.err().contains("an earlier build prepared the data of this run"), ran::toString);
    assertTrue(
        ran.err().contains("./gyre checkpoint export " + runs.resolve("tiny") + " --hf out/\n"),
        ran::toString);
  }
}
