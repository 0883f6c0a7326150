package dev.gyre.partitioning.job;

import java.util.List;

/**
 * Where text comes from and how it becomes rows.
 *
 * @param train sources, at least one
 * @param tokenizer {@code bytes}, or the path of a Hugging Face {@code tokenizer.json}
 * @param packing {@code best-fit} (cuts only documents longer than a row) or {@code concat}
 * @param holdout share of the documents kept for evaluation, in [0, 0.5]
 */
public record DatasetSpec(List<Source> train, String tokenizer, String packing, double holdout) {
  public DatasetSpec {
    train = List.copyOf(train);
    Invalid.require(!train.isEmpty(), "dataset.train", "needs at least one source");
    Invalid.require(
        packing.equals("best-fit") || packing.equals("concat"),
        "dataset.packing",
        "'" + packing + "' must be best-fit or concat");
    Invalid.require(
        holdout >= 0 && holdout <= 0.5, "dataset.holdout", holdout + " must be from 0 to 50%");
  }

  /**
   * One source.
   *
   * @param path folder, glob, zip, txt or jsonl; {@code jdk:src.zip} is the running JDK's sources
   * @param include glob inside a folder or zip; empty for everything
   * @param field the text's key in JSONL
   * @param weight relative share of an epoch's documents; 1 means each once
   */
  public record Source(String path, String include, String field, double weight) {
    public Source {
      Invalid.require(!path.isBlank(), "dataset.train.path", "is empty");
      Invalid.require(weight > 0, "dataset.train.weight", weight + " must be positive");
    }
  }
}
