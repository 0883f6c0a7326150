package dev.gyre.partitioning.job;

import static dev.gyre.partitioning.job.Effect.ARITHMETIC;
import static dev.gyre.partitioning.job.Effect.DATA;
import static dev.gyre.partitioning.job.Key.choice;
import static dev.gyre.partitioning.job.Key.number;
import static dev.gyre.partitioning.job.Key.text;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import java.util.List;
import java.util.Map;

/**
 * Where text comes from and how it becomes rows.
 *
 * @param train sources, at least one
 * @param tokenizer {@code bytes}, or the path of a Hugging Face {@code tokenizer.json}
 * @param packing {@code best-fit} (cuts only documents longer than a row) or {@code concat}
 * @param holdout share of the tokens kept for evaluation, in [0, 0.5]
 * @param invalidText what happens to text that cannot be used as it is: {@code error}, {@code
 *     replace} or {@code skip}
 * @param specialTokens tokens added around each document: {@code none}, or {@code template} for
 *     those of the tokenizer's post-processor
 * @param specialText what a special token's text, written in a document, becomes: {@code parse}
 *     makes it the token, {@code text} encodes it as other text
 */
public record DatasetSpec(
    List<Source> train,
    String tokenizer,
    String packing,
    double holdout,
    String invalidText,
    String specialTokens,
    String specialText)
    implements Spec<DatasetSpec> {
  public static final NumberRange HOLDOUT = NumberRange.share(0, 0.5);
  public static final List<String> PACKINGS = List.of("best-fit", "concat");
  public static final List<String> INVALID_TEXT = List.of("error", "replace", "skip");
  public static final List<String> SPECIAL_TOKENS = List.of("none", "template");
  public static final List<String> SPECIAL_TEXT = List.of("parse", "text");

  public static final Key KEYS =
      Key.section(
          "dataset",
          "Training text, and how it is tokenized and packed into rows.",
          Source.KEYS,
          text("tokenizer", "bytes", "bytes, or the path of a tokenizer.json.")
              .changes(DATA)
              .original(),
          choice(
                  "packing",
                  "best-fit",
                  "best-fit cuts only documents longer than a row; concat fills every row.",
                  PACKINGS)
              .changes(ARITHMETIC)
              .original(),
          number("holdout", "1%", HOLDOUT, "Share of the tokens held out for eval.")
              .changes(ARITHMETIC)
              .original(),
          // Earlier builds replaced bytes that are not UTF-8, and left binary files out.
          choice(
                  "invalid-text",
                  "error",
                  "Text that is not UTF-8, not JSON and so on: refuse, repair or leave it out.",
                  INVALID_TEXT)
              .changes(DATA)
              .before("replace"),
          choice(
                  "special-tokens",
                  "none",
                  "Tokens added around each document. template: the tokenizer's post_processor.",
                  SPECIAL_TOKENS)
              .changes(DATA),
          choice(
                  "special-text",
                  "parse",
                  "A special token's text in a document: parse makes it the token.",
                  SPECIAL_TEXT)
              .changes(DATA));

  public DatasetSpec {
    train = List.copyOf(train);
    Invalid.require(!train.isEmpty(), "dataset.train", "needs at least one source");
    Invalid.require(!tokenizer.isBlank(), "dataset.tokenizer", "is empty");
    Invalid.requireOneOf(PACKINGS, "dataset.packing", packing);
    HOLDOUT.require("dataset.holdout", holdout);
    Invalid.requireOneOf(INVALID_TEXT, "dataset.invalid-text", invalidText);
    Invalid.requireOneOf(SPECIAL_TOKENS, "dataset.special-tokens", specialTokens);
    Invalid.requireOneOf(SPECIAL_TEXT, "dataset.special-text", specialText);
  }

  /** Sources with the defaults of the other keys. */
  public static DatasetSpec of(List<Source> train) {
    return KeyValue.defaults(DatasetSpec.class, KEYS, Map.of("train", train));
  }

  /**
   * One source.
   *
   * @param path folder, glob, zip, txt or jsonl; {@code jdk:src.zip} is the running JDK's sources
   * @param include glob inside a folder or zip; empty for everything
   * @param field the text's key in JSONL
   * @param weight how often each document is drawn per epoch; 1 means once
   * @param join {@code none}, or {@code folder}: all files of a folder are one document
   */
  public record Source(String path, String include, String field, double weight, String join)
      implements Spec<Source> {
    public static final NumberRange WEIGHT = NumberRange.aboveUpTo(0, 1000);
    public static final List<String> JOINS = List.of("none", "folder");

    public static final Key KEYS =
        Key.sections(
            "train",
            "Sources of text.",
            text("path", null, "Folder, glob, zip, text or JSONL file, or jdk:src.zip.")
                .changes(DATA)
                .original(),
            text("include", "", "Glob for file names inside a folder or zip.")
                .changes(DATA)
                .original(),
            text("field", "text", "JSONL key that holds the text.").changes(DATA).original(),
            number("weight", "1", WEIGHT, "How often each document is drawn per epoch.")
                .changes(ARITHMETIC)
                .original(),
            choice(
                    "join",
                    "none",
                    "none: each file is a document. folder: all files of a folder are one, by"
                        + " name.",
                    JOINS)
                .changes(DATA));

    /** A path with the defaults of the other keys. */
    public static Source of(String path) {
      return KeyValue.defaults(Source.class, KEYS, Map.of("path", path));
    }

    public Source {
      Invalid.require(!path.isBlank(), "dataset.train.path", "is empty");
      Invalid.require(!field.isBlank(), "dataset.train.field", "is empty");
      WEIGHT.require("dataset.train.weight", weight);
      Invalid.requireOneOf(JOINS, "dataset.train.join", join);
    }
  }
}
