package dev.gyre.trainer.data;

import dev.gyre.partitioning.job.DatasetSpec;
import java.nio.file.Files;
import java.nio.file.Path;

/** Opens the tokenizer that {@code dataset.tokenizer} names. */
public final class Tokenizers {
  /** A run's copy of the job's tokenizer, in the run's folder. */
  public static final String RUN_COPY = "tokenizer.json";

  private Tokenizers() {}

  /**
   * One that makes special tokens of their texts.
   *
   * @param tokenizer {@code bytes}, or the path of a {@code tokenizer.json}
   * @param base relative paths are resolved against it
   * @throws DataException if it cannot be opened; says what to do
   */
  public static Tokenizer open(String tokenizer, Path base) {
    return open(tokenizer, base, true);
  }

  /**
   * One that encodes documents as a dataset asks for.
   *
   * @param base relative paths are resolved against it
   * @throws DataException if it cannot be opened; says what to do
   */
  public static Tokenizer of(DatasetSpec dataset, Path base) {
    return open(dataset.tokenizer(), base, dataset.specialText().equals("parse"));
  }

  /**
   * The tokenizer that a run was trained with: its own copy, or else what its job names.
   *
   * @param tokenizer {@code dataset.tokenizer} of the run's job
   * @param run the run's folder
   * @throws DataException if it cannot be opened; says what to do
   */
  public static Tokenizer ofRun(String tokenizer, Path run) {
    Path copy = run.resolve(RUN_COPY);
    return isFile(tokenizer) && Files.exists(copy)
        ? HuggingFaceFileTokenizer.open(copy, true)
        : open(tokenizer, Path.of(""));
  }

  /** Whether a tokenizer is a file, not {@code bytes}. */
  public static boolean isFile(String tokenizer) {
    return !tokenizer.equals(ByteTokenizer.ID);
  }

  private static Tokenizer open(String tokenizer, Path base, boolean parseSpecials) {
    return isFile(tokenizer)
        ? HuggingFaceFileTokenizer.open(base.resolve(tokenizer), parseSpecials)
        : new ByteTokenizer();
  }
}
