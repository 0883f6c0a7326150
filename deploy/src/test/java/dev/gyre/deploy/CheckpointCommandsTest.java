package dev.gyre.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.model.hf.HfConfig;
import dev.gyre.model.parameters.ModelParameters;
import dev.gyre.model.parameters.ParameterSpec;
import dev.gyre.model.safetensors.SafetensorsReader;
import dev.gyre.partitioning.job.AttentionPattern;
import dev.gyre.partitioning.job.ModelSpec;
import dev.gyre.trainer.checkpoint.CheckpointStore;
import dev.gyre.trainer.checkpoint.Manifest;
import dev.gyre.trainer.checkpoint.RunIdentity;
import dev.gyre.trainer.checkpoint.ShardWriter;
import dev.gyre.trainer.parameters.OwnedSlice;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CheckpointCommandsTest {
  private static final ModelSpec MODEL =
      new ModelSpec(
          "mixtral",
          16,
          8,
          2,
          2,
          1,
          4,
          6,
          3,
          2,
          1e-5,
          10_000,
          true,
          new AttentionPattern(List.of(), 0, 0, true, 0),
          List.of(),
          0);
  private static final float VALUE = 0.5f;

  @TempDir Path runs;
  private Path checkpoints = Path.of("");

  @BeforeEach
  void writeARun() throws IOException {
    checkpoints = runs.resolve("tiny").resolve("checkpoints");
    for (long step : new long[] {5, 10}) {
      Manifest manifest =
          Manifest.of(
              step,
              1,
              step,
              new RunIdentity("data", new TreeMap<>(), new TreeMap<>()),
              MODEL,
              "",
              "{}");
      Path temporary = CheckpointStore.temporary(checkpoints, step);
      CheckpointStore store = new CheckpointStore(checkpoints, 3, null);
      store.commit(manifest.withFiles(List.of(ShardWriter.write(temporary, 0, slices()))));
    }
  }

  private static List<OwnedSlice> slices() {
    List<OwnedSlice> slices = new ArrayList<>();
    for (ParameterSpec spec : ModelParameters.of(MODEL)) {
      MemorySegment values = Arena.ofAuto().allocate(spec.elements() * Float.BYTES, Float.BYTES);
      for (long i = 0; i < spec.elements(); i++) {
        values.setAtIndex(ValueLayout.JAVA_FLOAT, i, VALUE);
      }
      slices.add(new OwnedSlice(spec, 0, spec.elements(), values, values, values, values));
    }
    return slices;
  }

  private Path step(long step) {
    return checkpoints.resolve("step-" + step);
  }

  private static void flipAByte(Path checkpoint) throws IOException {
    Path file = checkpoint.resolve(ShardWriter.fileName(0));
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length / 2] ^= 1;
    Files.write(file, bytes);
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
    assertTrue(whole.out().contains(step(10) + "  whole: step 10, 1 files"), whole::toString);

    flipAByte(step(10));
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
    flipAByte(step(10));
    Path hf = runs.resolve("hf");
    Cli ran =
        Cli.run("checkpoint", "export", "tiny", "--runs", runs, "--hf", hf, "--dtype", "bf16");
    assertEquals(0, ran.exit(), ran::toString);
    assertTrue(ran.out().contains(step(5) + " -> "), ran::toString);
    assertTrue(ran.err().contains("skipped"), ran::toString);
    assertTrue(
        ran.err().contains("gyre_anchor_token, which MixtralForCausalLM ignores"), ran::toString);
    assertEquals(8, HfConfig.read(hf.resolve("config.json")).model().hiddenSize());
    try (SafetensorsReader weights = SafetensorsReader.open(hf.resolve("model.safetensors"))) {
      assertEquals("BF16", weights.info("model.norm.weight").dtype());
    }
    Cli again = Cli.run("checkpoint", "export", "tiny", "--runs", runs, "--hf", hf);
    assertEquals(ExitCode.BAD_JOB.code(), again.exit(), again::toString);
    assertTrue(again.err().contains("export into another folder"), again::toString);
  }

  @Test
  void withoutAWholeOneNothingIsExported() throws IOException {
    flipAByte(step(5));
    flipAByte(step(10));
    Path hf = runs.resolve("hf");
    Cli ran = Cli.run("checkpoint", "export", "tiny", "--runs", runs, "--hf", hf);
    assertEquals(ExitCode.CORRUPT_CHECKPOINT.code(), ran.exit(), ran::toString);
    assertTrue(Files.notExists(hf.resolve("model.safetensors")), ran::toString);
  }
}
