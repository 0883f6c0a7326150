package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.DType;
import dev.gyre.trainer.checkpoint.CheckpointStore;
import dev.gyre.trainer.checkpoint.HuggingFaceExport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;

/** Bad input is refused with what is wrong and what to do; no existing file is lost. */
@TestInstance(Lifecycle.PER_CLASS)
final class BadInputTest {
  private static final int BAD_JOB = 64;
  private static final int CORRUPT_CHECKPOINT = 65;
  private static final int TRY_AGAIN = 75;

  @TempDir private static Path folder;

  private Workplace place;

  /** A run of three steps, with a checkpoint after each of the last two. */
  @BeforeAll
  void train() throws Exception {
    place = Workplace.in(folder);
    Gyre.Ended ended =
        place.train(
            "--workers", "1", "--set", "train.steps=3", "--set", "checkpoint={every: 1, keep: 2}");
    assertEquals(0, ended.exit(), ended.output());
  }

  private static void refused(Gyre.Ended ended, int exit, String... words) {
    Says.all(ended, words);
    assertEquals(exit, ended.exit(), ended.output());
  }

  /** Refused before a worker starts, and before a run is created. */
  private static void refusedEarly(Gyre.Ended ended, String... words) {
    refused(ended, BAD_JOB, words);
    assertFalse(ended.output().contains("\nrun "), ended.output());
    assertFalse(ended.output().contains("kernel backend"), ended.output());
  }

  // ---- the job

  @Test
  void aMissingJobFile() throws Exception {
    refused(Gyre.run(folder, "train", "absent.yaml"), BAD_JOB, "absent.yaml", "recipes/");
  }

  @Test
  void anUnknownKey() throws Exception {
    Files.writeString(
        folder.resolve("typo.yaml"),
        """
        dataset: {train: [{path: text}]}
        train:
          sequence-lenght: 256
        """);
    refused(
        Gyre.run(folder, "train", "typo.yaml"),
        BAD_JOB,
        "typo.yaml:3",
        "sequence-lenght",
        "sequence-length");
  }

  @Test
  void moreExpertRanksThanExperts() throws Exception {
    refused(
        place.train("--data-parallel", "8", "--expert-parallel", "8"),
        BAD_JOB,
        "expert-parallel",
        "8",
        "4 experts");
  }

  @Test
  void moreUlyssesRanksThanHeads() throws Exception {
    Gyre.Ended ended = place.train("--ulysses", "8");
    refused(ended, BAD_JOB, "mesh.ulysses", "8", "the model has 4", "Use ulysses 4");
    assertFalse(ended.output().contains("kernel backend"), "refused before a worker starts");
  }

  // ---- the data

  @Test
  void aMissingDataPath() throws Exception {
    refused(
        place.train("--workers", "1", "--set", "dataset.train=[{path: nowhere/texts}]"),
        BAD_JOB,
        "nowhere/texts",
        "dataset.train");
  }

  @Test
  void emptyData() throws Exception {
    Files.createDirectories(folder.resolve("empty"));
    Files.writeString(folder.resolve("empty").resolve("nothing.txt"), "");
    refusedEarly(
        place.train("--workers", "1", "--set", "dataset.train=[{path: empty}]"),
        "dataset.train",
        "no document is left of empty",
        "empty documents: 1",
        "name files with text");
  }

  @Test
  void aRowLongerThanTheWholeText() throws Exception {
    long tokens = 0;
    try (var files = Files.list(folder.resolve("text"))) {
      for (Path file : files.toList()) {
        tokens += Files.size(file);
      }
    }
    String rows = "train={sequence-length: 1000000, batch-tokens: 1000000, steps: 1}";
    refusedEarly(
        place.train("--workers", "1", "--set", rows, "--set", "dataset.holdout=0"),
        "train.sequence-length",
        "1,000,000",
        "dataset.train has only %,d tokens per epoch".formatted(tokens),
        "Set it to at most %d".formatted(tokens));
  }

  // ---- checkpoints

  private Path copyOfRun(String name) throws IOException {
    Path copy = folder.resolve("runs").resolve(name);
    copy(place.run(1), copy);
    return copy.resolve("checkpoints");
  }

  private Gyre.Ended resume(String name, String... more) throws Exception {
    List<String> arguments =
        place.arguments("--workers", "1", "--resume", "--run", name, "--set", "train.steps=3");
    arguments.addAll(List.of(more));
    return Gyre.run(folder, arguments);
  }

  @Test
  void aFlippedBitSendsResumeToTheOlderCheckpoint() throws Exception {
    Path checkpoints = copyOfRun("flipped");
    Path file = weightsOf(checkpoints.resolve("step-3"));
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length / 2] ^= 1;
    Files.write(file, bytes);

    Gyre.Ended ended = resume("flipped");
    assertEquals(0, ended.exit(), ended.output());
    Says.all(ended, "step-3", "skipped", "SHA-256", "resuming from", "step-2");
    // Step 3 was trained again, and its checkpoint replaced.
    assertEquals(3, CheckpointStore.verify(checkpoints.resolve("step-3")).step());
    Trained.assertSameBits(
        Trained.of(place.run(1), 3).withSteps(2, 3),
        Trained.of(checkpoints.getParent(), 3).withSteps(3, 4));
  }

  @Test
  void withoutAWholeCheckpointNothingIsResumed() throws Exception {
    Path checkpoints = copyOfRun("truncated");
    Path file = weightsOf(checkpoints.resolve("step-3"));
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
    Files.delete(checkpoints.resolve("step-2").resolve("manifest.json"));
    Map<String, Long> before = sizes(checkpoints);

    refused(
        resume("truncated"),
        CORRUPT_CHECKPOINT,
        "step-3",
        "were written",
        "step-2",
        "manifest.json is missing",
        "every checkpoint",
        "start a new run");
    assertEquals(before, sizes(checkpoints));
  }

  @Test
  void changedArithmeticIsNotResumed() throws Exception {
    Path checkpoints = copyOfRun("changed");
    Map<String, Long> before = sizes(checkpoints);
    Path job = checkpoints.resolveSibling("job.json");
    Files.writeString(job, "what the run was");
    refused(
        resume("changed", "--set", "train.steps=4", "--set", "train.optimizer.lr=3e-3"),
        BAD_JOB,
        "train.optimizer.lr",
        "0.002",
        "0.003");
    assertEquals(before, sizes(checkpoints));
    assertEquals("what the run was", Files.readString(job));
  }

  // ---- models to start from

  private Path exported(String name) throws IOException {
    Path model = folder.resolve(name);
    HuggingFaceExport.export(
        place.newestCheckpoint(1).folder(),
        model,
        DType.F32,
        HuggingFaceExport.SHARD_BYTES,
        List.of());
    return model;
  }

  private Path runFrom(Path model) {
    return place.run(1).resolveSibling(place.name() + "-" + model.getFileName());
  }

  private Gyre.Ended trainFrom(Path model, String... more) throws Exception {
    Path job = folder.resolve(model.getFileName() + ".yaml");
    Files.writeString(
        job,
        """
        model: {from: %s}
        dataset: {train: [{path: text}], holdout: 0}
        train: {sequence-length: 256, steps: 2, dtype: f32}
        backend: vector
        """
            .formatted(model));
    List<String> arguments = new ArrayList<>(List.of("train", job.toString()));
    arguments.addAll(List.of("--name", String.valueOf(runFrom(model).getFileName())));
    arguments.addAll(List.of(more));
    return Gyre.run(folder, arguments);
  }

  @Test
  void weightsOfAnotherShape() throws Exception {
    Path model = exported("misshapen");
    Path config = model.resolve("config.json");
    String json = Files.readString(config);
    String wider = json.replaceFirst("(\"intermediate_size\"\\s*:\\s*)48", "$164");
    assertFalse(json.equals(wider), json);
    Files.writeString(config, wider);
    refusedEarly(
        trainFrom(model, "--workers", "1"),
        model.toString(),
        "[48, 32]",
        "[64, 32]",
        "copy both again, or name another folder");
    assertFalse(Files.exists(runFrom(model)), "a refused run leaves nothing behind");
  }

  @Test
  void truncatedWeights() throws Exception {
    Path model = exported("cut");
    Path weights = model.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    Files.write(weights, Arrays.copyOf(bytes, bytes.length - 4));
    refusedEarly(
        trainFrom(model, "--workers", "1"),
        weights.toString(),
        "truncated",
        Integer.toString(SafetensorsBytes.dataBytes(bytes) - 4),
        "copy it again");
    assertFalse(Files.exists(runFrom(model)), "a refused run leaves nothing behind");
  }

  @Test
  void weightsThatAreNotANumber() throws Exception {
    Path model = exported("nan");
    Path weights = setValue(model, Float.NaN);
    refusedEarly(
        trainFrom(model, "--workers", "1"),
        "model.layers.1.self_attn.q_proj.weight of " + weights,
        "holds 1 value that is not finite",
        "download it again");
    assertFalse(Files.exists(runFrom(model)), "a refused run leaves nothing behind");
  }

  /** The step's message names where the overflow began; the model's files do not change. */
  @Test
  void weightsThatOverflow() throws Exception {
    Path model = exported("overflow");
    Path weights = setValue(model, Float.MAX_VALUE);
    byte[] bytes = Files.readAllBytes(weights);
    Map<String, Long> before = sizes(folder.resolve("runs").resolve(place.name()));

    Gyre.Ended ended = trainFrom(model, "--ring", "2");
    refused(ended, BAD_JOB, "not finite", "layer 1", "on rank 0", "No weight was changed");
    assertEquals(Map.of(), sizes(runFrom(model).resolve("checkpoints")));
    assertEquals(before, sizes(folder.resolve("runs").resolve(place.name())));
    assertTrue(Arrays.equals(bytes, Files.readAllBytes(weights)));
    assertEquals(List.of(), place.sharedMemory());
  }

  private static Path setValue(Path model, float value) throws IOException {
    Path weights = model.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    SafetensorsBytes.setF32(bytes, "model.layers.1.self_attn.q_proj.weight", 5, value);
    return Files.write(weights, bytes);
  }

  // ---- the machine

  private static Gyre.Ended trainWithSharedMemory(String size, Workplace at, String... more)
      throws Exception {
    List<String> mounted = Namespaces.withTmpfs(Path.of("/dev/shm"), size);
    try (Gyre gyre = Gyre.start(at.folder(), mounted, at.arguments(more))) {
      return gyre.await();
    }
  }

  /** Slabs do not fit: payload goes through the log, which is slower, and a line says so. */
  @Test
  void littleSharedMemoryIsTold() throws Exception {
    Workplace at = Workplace.in(Files.createDirectories(folder.resolve("little")));
    for (int i = 0; i < 100; i++) {
      Files.writeString(
          at.folder().resolve("text").resolve("more-" + i + ".txt"), "word ".repeat(40));
    }
    // The workspace is sized for rows of this length, even if the text is shorter.
    String rows = "train={sequence-length: 16384, batch-tokens: 16384, steps: 1, dtype: f32}";
    Gyre.Ended ended = trainWithSharedMemory("60m", at, "--ring", "2", "--set", rows);
    assertEquals(0, ended.exit(), ended.output());
    Says.all(ended, "60 MB", "of workspace, whose payload now goes through the log", "enlarge it");
    long told = ended.output().lines().filter(line -> line.contains("too little for")).count();
    assertEquals(2, told, "one line per worker:\n" + ended.output());
  }

  @Test
  void hardlyAnySharedMemoryIsAnError() throws Exception {
    Workplace at = Workplace.in(Files.createDirectories(folder.resolve("none")));
    refused(
        trainWithSharedMemory("2m", at, "--ring", "2"),
        TRY_AGAIN,
        "/dev/shm",
        "2 MB are free",
        "21 MB",
        "--shm-size");
    assertFalse(Files.exists(at.run(1)), "a run that cannot start leaves nothing behind");
  }

  // ---- files

  private static Path weightsOf(Path checkpoint) throws IOException {
    try (var files = Files.list(checkpoint)) {
      return files.filter(f -> f.toString().endsWith(".safetensors")).findFirst().orElseThrow();
    }
  }

  private static Map<String, Long> sizes(Path at) throws IOException {
    Map<String, Long> sizes = new TreeMap<>();
    try (var files = Files.walk(at)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        sizes.put(at.relativize(file).toString(), Files.size(file));
      }
    }
    return sizes;
  }

  private static void copy(Path from, Path to) throws IOException {
    try (var files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }
}
