package dev.gyre.deploy.command.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.Cli;
import dev.gyre.deploy.TinyRun;
import dev.gyre.model.hf.HfConfig;
import dev.gyre.model.safetensors.SafetensorsReader;
import dev.gyre.trainer.checkpoint.DurableFiles;
import dev.gyre.trainer.checkpoint.Manifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CheckpointCommandsTest {
  @TempDir Path runs;
  private TinyRun run;

  @BeforeEach
  void writeARun() throws IOException {
    run = TinyRun.in(runs, TinyRun.jobFile(runs, "tiny"), 5, 10);
  }

  private Path step(long step) {
    return run.step(step);
  }

  @Test
  void listIsOldestFirst() {
    Cli ran = Cli.run("checkpoint", "list", "tiny", "--runs", runs);
    assertEquals(0, ran.exit(), ran::toString);
    List<String> lines = ran.out().lines().toList();
    assertEquals(3, lines.size(), ran::toString);
    assertTrue(lines.get(1).strip().startsWith("5 "), ran::toString);
    assertTrue(lines.get(2).endsWith(step(10).toString()), ran::toString);
    assertEquals(ran.out(), Cli.run("checkpoint", "list", runs.resolve("tiny")).out());
  }

  @Test
  void aRunsJobThatCannotBeReadIsNamed() throws IOException {
    Path job = runs.resolve("tiny").resolve("job.json");
    Files.writeString(job, "{\"name\": 3}");
    Cli ran = Cli.run("generate", runs.resolve("tiny"), "text", "--backend", "scalar");
    assertEquals(ExitCode.BAD_JOB.code(), ran.exit(), ran::toString);
    assertTrue(
        ran.err().startsWith("gyre: " + job + " is not a valid Job: model: "), ran::toString);
    Files.write(job, new byte[] {'{', (byte) 0xff});
    Cli notText = Cli.run("generate", runs.resolve("tiny"), "text", "--backend", "scalar");
    assertEquals(ExitCode.BAD_JOB.code(), notText.exit(), notText::toString);
    assertTrue(notText.err().contains("not UTF-8"), notText::toString);
  }

  @Test
  void listNamesAManifestThatIsDamaged() throws IOException {
    Files.writeString(step(5).resolve(Manifest.FILE), "{");
    Cli ran = Cli.run("checkpoint", "list", "tiny", "--runs", runs);
    assertEquals(0, ran.exit(), ran::toString);
    assertTrue(ran.out().contains("5  damaged: "), ran::toString);
  }

  @Test
  void verifyTellsWholeFromDamaged() throws IOException {
    Cli whole = Cli.run("checkpoint", "verify", "tiny", "--runs", runs);
    assertEquals(0, whole.exit(), whole::toString);
    assertTrue(whole.out().contains(step(10) + "  whole: step 10, 1 file,"), whole::toString);

    run.damage(10);
    Cli damaged = Cli.run("checkpoint", "verify", "tiny", "--runs", runs);
    assertEquals(ExitCode.CORRUPT_CHECKPOINT.code(), damaged.exit(), damaged::toString);
    assertTrue(damaged.out().contains(step(10) + "  DAMAGED"), damaged::toString);
    assertTrue(damaged.out().contains(step(5) + "  whole"), damaged::toString);
    assertTrue(damaged.err().contains("rank-00000.safetensors is damaged"), damaged::toString);

    assertEquals(0, Cli.run("checkpoint", "verify", step(5)).exit());
    Files.delete(step(5).resolve(Manifest.FILE));
    Cli headless = Cli.run("checkpoint", "verify", step(5));
    assertEquals(ExitCode.CORRUPT_CHECKPOINT.code(), headless.exit(), headless::toString);
    assertTrue(headless.err().contains("manifest.json is missing"), headless::toString);
  }

  @Test
  void exportTakesTheNewestWholeOne() throws IOException {
    run.damage(10);
    Path hf = runs.resolve("hf");
    Cli ran =
        Cli.run("checkpoint", "export", "tiny", "--runs", runs, "--hf", hf, "--dtype", "bf16");
    assertEquals(0, ran.exit(), ran::toString);
    assertTrue(ran.out().contains(step(5) + " -> "), ran::toString);
    assertTrue(ran.err().contains("skipped"), ran::toString);
    assertTrue(
        ran.err().contains("gyre_anchor_token, which MixtralForCausalLM ignores"), ran::toString);
    assertEquals(8, HfConfig.read(hf.resolve("config.json")).model().width());
    try (SafetensorsReader weights = SafetensorsReader.open(hf.resolve("model.safetensors"))) {
      assertEquals("BF16", weights.info("model.norm.weight").dtype());
    }
    Cli again = Cli.run("checkpoint", "export", "tiny", "--runs", runs, "--hf", hf);
    assertEquals(ExitCode.BAD_JOB.code(), again.exit(), again::toString);
    assertTrue(again.err().contains("export into another folder"), again::toString);
  }

  @Test
  void withoutAWholeOneNothingIsExported() throws IOException {
    run.damage(5);
    run.damage(10);
    Path hf = runs.resolve("hf");
    Cli ran = Cli.run("checkpoint", "export", "tiny", "--runs", runs, "--hf", hf);
    assertEquals(ExitCode.CORRUPT_CHECKPOINT.code(), ran.exit(), ran::toString);
    assertTrue(Files.notExists(hf.resolve("model.safetensors")), ran::toString);
  }

  /**
   * Another model's files in the folder would be loaded instead of these, or in addition to them.
   */
  @Test
  void aFolderWithAnotherModelIsLeftAlone() throws IOException {
    Path hf = Files.createDirectories(runs.resolve("hf"));
    Files.writeString(hf.resolve("model.safetensors.index.json"), "old");
    Cli ran = Cli.run("checkpoint", "export", "tiny", "--runs", runs, "--hf", hf);
    assertEquals(ExitCode.BAD_JOB.code(), ran.exit(), ran::toString);
    assertTrue(ran.err().contains("holds model.safetensors.index.json already"), ran::toString);
    assertEquals("old", Files.readString(hf.resolve("model.safetensors.index.json")));
  }

  /** The tokenizer is exported even if the checkpoint is named by its folder. */
  @Test
  void theRunsTokenizerTravels() throws IOException {
    Files.writeString(run.folder().path().resolve("tokenizer.json"), "{}");
    Path ofModel = Files.createDirectories(run.folder().modelFiles());
    Files.writeString(ofModel.resolve("tokenizer.json"), "{\"another\": 1}");
    Files.writeString(ofModel.resolve("chat_template.jinja"), "{{ messages }}");
    Files.writeString(ofModel.resolve("notes.txt"), "mine");
    Path hf = runs.resolve("hf");
    Cli ran = Cli.run("checkpoint", "export", step(5), "--hf", hf);
    assertEquals(0, ran.exit(), ran::toString);
    assertEquals("{}", Files.readString(hf.resolve("tokenizer.json")));
    assertEquals("{{ messages }}", Files.readString(hf.resolve("chat_template.jinja")));
    assertTrue(Files.notExists(hf.resolve("notes.txt")));
    String config = Files.readString(hf.resolve("config.json"));
    assertTrue(config.contains("\"max_position_embeddings\" : 64"), config);
  }

  @Test
  void aFailureOfStorageIsNoDamage() throws IOException {
    run.makeUnreadable(5);
    Cli ran = Cli.run("checkpoint", "verify", "tiny", "--runs", runs);
    assertEquals(ExitCode.BAD_JOB.code(), ran.exit(), ran::toString);
    assertTrue(ran.out().contains(step(5) + "  not read"), ran::toString);
    assertTrue(ran.out().contains(step(10) + "  whole"), ran::toString);
    Cli listed = Cli.run("checkpoint", "list", "tiny", "--runs", runs);
    assertEquals(0, listed.exit(), listed::toString);
    assertTrue(listed.out().contains("5  not read: "), listed::toString);
    run.damage(10);
    Cli both = Cli.run("checkpoint", "verify", "tiny", "--runs", runs);
    assertEquals(ExitCode.CORRUPT_CHECKPOINT.code(), both.exit(), both::toString);
    Cli export =
        Cli.run("checkpoint", "export", "tiny", "--runs", runs, "--hf", runs.resolve("hf"));
    assertEquals(ExitCode.BAD_JOB.code(), export.exit(), export::toString);
  }

  /** An ambiguous name is an error: Gyre does not guess which folder is meant. */
  @Test
  void aNameOfTwoRunsIsRefused() throws IOException {
    // The tests' working folder has a folder of this name too.
    Path here = Files.createDirectories(Path.of("target", "checkpoints"));
    try {
      TinyRun.in(runs, TinyRun.jobFile(runs, "target"));
      Cli ran = Cli.run("checkpoint", "list", "target", "--runs", runs);
      assertEquals(ExitCode.BAD_JOB.code(), ran.exit(), ran::toString);
      assertTrue(
          ran.err().contains("'target' names two runs, ./target and " + runs.resolve("target")),
          ran::toString);
      assertEquals(0, Cli.run("checkpoint", "list", "./target", "--runs", runs).exit());
    } finally {
      DurableFiles.delete(here);
    }
  }

  @Test
  void aRunOfAnotherModelOrBuildIsNotGeneratedFrom() throws IOException {
    Path job = run.folder().job();
    String whole = Files.readString(job);
    Files.writeString(job, whole.replaceFirst("\"theta\" : [0-9.E]+", "\"theta\" : 5.0"));
    Cli other = Cli.run("generate", run.folder().path(), "text");
    assertEquals(ExitCode.BAD_JOB.code(), other.exit(), other::toString);
    assertTrue(other.err().contains("describes another model than"), other::toString);
    Files.writeString(job, whole.replaceFirst("\"backend\"", "\"back-end\""));
    Cli build = Cli.run("generate", run.folder().path(), "text");
    assertEquals(ExitCode.BAD_JOB.code(), build.exit(), build::toString);
    assertTrue(build.err().contains("use the build that trained this run"), build::toString);
  }
}
