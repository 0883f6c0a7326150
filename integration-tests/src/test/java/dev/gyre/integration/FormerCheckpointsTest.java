package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.kernels.DType;
import dev.gyre.trainer.checkpoint.CheckpointStore;
import dev.gyre.trainer.checkpoint.HuggingFaceExport;
import dev.gyre.trainer.checkpoint.Manifest;
import dev.gyre.trainer.step.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A run resumes from a checkpoint in a format of earlier builds, with the same bits as the run that
 * was not interrupted. The export of such a checkpoint is the same, too.
 */
@TestInstance(Lifecycle.PER_CLASS)
final class FormerCheckpointsTest {
  private static final int SAVED = 3;
  private static final int STEPS = 5;

  private static final String[] MESH = {"--ring", "2", "--expert-parallel", "2"};

  @TempDir private static Path folder;

  private Workplace place;
  private Trained uninterrupted;
  private byte[] exported = {};

  @BeforeAll
  void trains() throws Exception {
    place = Workplace.in(folder);
    Gyre.Ended ended = place.train(MESH);
    assertEquals(0, ended.exit(), ended.output());
    uninterrupted = Trained.of(place.run(1), STEPS);
    exported = export(step(place.run(1), SAVED), "now");
  }

  private static Path step(Path run, int step) {
    return run.resolve("checkpoints").resolve("step-" + step);
  }

  /** The exported file of weights. */
  private static byte[] export(Path checkpoint, String name) throws IOException {
    Path hf = folder.resolve("hf-" + name);
    HuggingFaceExport.export(checkpoint, hf, DType.F32, HuggingFaceExport.SHARD_BYTES, List.of());
    return Files.readAllBytes(hf.resolve("model.safetensors"));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void itIsVerifiedExportedAndResumed(int format) throws Exception {
    Path run = place.run(1 + format);
    copyWithoutLast(place.run(1), run);
    FormerCheckpoint.rewrite(step(run, SAVED), format);

    Manifest manifest = CheckpointStore.verify(step(run, SAVED));
    assertEquals(format, manifest.format());
    assertEquals(Manifest.read(step(place.run(1), SAVED)).model(), manifest.model());
    assertArrayEquals(exported, export(step(run, SAVED), "format-" + format));

    List<String> resume = place.arguments(MESH);
    resume.addAll(List.of("--resume", "--run", run.toString()));
    Gyre.Ended ended = Gyre.run(place.folder(), resume);
    assertEquals(0, ended.exit(), ended.output());
    Trained resumed = Trained.of(run, STEPS);
    assertEquals(
        List.of(1L, 2L, 3L, 4L, 5L, 4L, 5L),
        resumed.steps().stream().map(StepMetrics::step).toList());
    Trained.assertSameBits(
        uninterrupted.withSteps(SAVED, STEPS), resumed.withSteps(STEPS, 2 * STEPS - SAVED));
  }

  /** As if the run had been killed after its first checkpoint. */
  private static void copyWithoutLast(Path from, Path to) throws IOException {
    Path last = step(from, STEPS);
    try (var files = Files.walk(from)) {
      for (Path file : files.filter(file -> !file.startsWith(last)).toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }
}
