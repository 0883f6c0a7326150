package dev.gyre.integration;

import dev.gyre.trainer.checkpoint.CheckpointStore;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A folder with text and a job file, in which the command is run. The job's name is unique, so that
 * its shared memory can be told from that of other runs on the machine.
 */
final class Workplace {
  private static final Path SHARED_MEMORY = Path.of("/dev/shm");

  /** Most documents are shorter than a row, a few are cut, one is a single word. */
  private static final int[] DOCUMENT_BYTES = {
    61, 150, 300, 700, 23, 256, 257, 511, 90, 1500, 4, 320, 128, 203, 600, 75
  };

  private static final String[] WORDS = {
    "public", "static", "void", "int", "return", "class", "final", "for", "if", "else", "new"
  };

  /**
   * Four experts for one MoE layer after a dense one; 2 × 256 tokens a step; a constant learning
   * rate, so that a run of three steps is the beginning of a run of five.
   */
  private static final String JOB =
      """
      model:
        hidden_size: 32
        num_hidden_layers: 2
        num_attention_heads: 4
        num_key_value_heads: 2
        intermediate_size: 48
        num_local_experts: 4
        num_experts_per_tok: 2
        mlp_only_layers: [0]
      dataset: {train: [{path: text}], holdout: 0}
      train:
        sequence-length: 256
        batch-tokens: 512
        steps: 5
        dtype: f32
        seed: %d
        z-loss: 0.001
        optimizer: {lr: 2e-3, eps: 1e-4, warmup: 0, schedule: constant}
      backend: vector
      checkpoint: {every: 3, keep: 3}
      eval: {every: 0}
      """;

  private final Path folder;
  private final String name;

  private Workplace(Path folder, String name) {
    this.folder = folder;
    this.name = name;
  }

  static Workplace in(Path folder) throws IOException {
    return in(folder, 1);
  }

  /**
   * @param seed of the job
   */
  static Workplace in(Path folder, long seed) throws IOException {
    Path text = Files.createDirectories(folder.resolve("text"));
    SplittableRandom random = new SplittableRandom(7);
    for (int i = 0; i < DOCUMENT_BYTES.length; i++) {
      Files.writeString(text.resolve("document-" + i + ".txt"), words(random, DOCUMENT_BYTES[i]));
    }
    // The folder is temporary, its name is unique on this machine.
    String name = "it" + Integer.toHexString(folder.toAbsolutePath().hashCode());
    Files.writeString(folder.resolve("job.yaml"), JOB.formatted(seed));
    return new Workplace(folder, name);
  }

  private static String words(SplittableRandom random, int bytes) {
    StringBuilder text = new StringBuilder();
    while (text.length() < bytes) {
      text.append(WORDS[random.nextInt(WORDS.length)]).append(random.nextInt(5) == 0 ? '\n' : ' ');
    }
    return text.substring(0, bytes);
  }

  Path folder() {
    return folder;
  }

  /** The runs' name. */
  String name() {
    return name;
  }

  /** {@code runs/name}, or {@code runs/name-2} and so on. */
  Path run(int number) {
    return folder.resolve("runs").resolve(number == 1 ? name : name + "-" + number);
  }

  /** The token store made from the text. */
  Path tokens() throws IOException {
    try (DirectoryStream<Path> stores =
        Files.newDirectoryStream(
            folder.resolve(".gyre").resolve("data"), path -> Files.isDirectory(path))) {
      return stores.iterator().next();
    }
  }

  Gyre.Ended train(String... more) throws Exception {
    return Gyre.run(folder, arguments(more));
  }

  /** Arguments of a training command, with {@code more} at the end. */
  List<String> arguments(String... more) {
    List<String> arguments = new ArrayList<>(List.of("train", "job.yaml", "--name", name));
    arguments.addAll(List.of(more));
    return arguments;
  }

  /** A run's newest checkpoint; every byte of it is checked. */
  CheckpointStore.Verified newestCheckpoint(int number) throws IOException {
    List<String> damaged = new ArrayList<>();
    return CheckpointStore.in(run(number).resolve("checkpoints"))
        .newestVerified(damaged::add)
        .filter(_ -> damaged.isEmpty())
        .orElseThrow(() -> new AssertionError("no checkpoint, or damaged ones: " + damaged));
  }

  /** Folders of this workplace's runs in the machine's shared memory, or of files used instead. */
  List<Path> sharedMemory() throws IOException {
    Path runs = folder.resolve("runs");
    String folders = "gyre-" + name + "-*";
    if (Files.isDirectory(SHARED_MEMORY)) {
      return matching(SHARED_MEMORY, folders);
    }
    List<Path> found = new ArrayList<>();
    for (Path run : matching(runs, "*")) {
      found.addAll(matching(run, folders));
    }
    return found;
  }

  private static List<Path> matching(Path parent, String glob) throws IOException {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(parent, glob)) {
      entries.forEach(found::add);
    }
    return found;
  }
}
