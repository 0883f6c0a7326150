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
  public static final NumberRange HOLDOUT = NumberRange.share(0, 0.5);
  public static final List<String> PACKINGS = List.of("best-fit", "concat");

  public DatasetSpec {
    train = List.copyOf(train);
    Invalid.require(!train.isEmpty(), "dataset.train", "needs at least one source");
    Invalid.requireOneOf(PACKINGS, "dataset.packing", packing);
    HOLDOUT.require("dataset.holdout", holdout);
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
    public static final NumberRange WEIGHT = NumberRange.aboveUpTo(0, 1000);

    public Source {
      Invalid.require(!path.isBlank(), "dataset.train.path", "is empty");
      WEIGHT.require("dataset.train.weight", weight);
    }
  }
}
