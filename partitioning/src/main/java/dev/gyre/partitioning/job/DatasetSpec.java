package dev.gyre.partitioning.job;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import java.util.List;

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
    String specialText) {
  public static final NumberRange HOLDOUT = NumberRange.share(0, 0.5);
  public static final List<String> PACKINGS = List.of("best-fit", "concat");
  public static final List<String> INVALID_TEXT = List.of("error", "replace", "skip");
  public static final List<String> SPECIAL_TOKENS = List.of("none", "template");
  public static final List<String> SPECIAL_TEXT = List.of("parse", "text");

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

  /** With the defaults of the other keys. */
  public DatasetSpec(List<Source> train, String tokenizer, String packing, double holdout) {
    this(train, tokenizer, packing, holdout, "error", "none", "parse");
  }

  /** The same with another {@code invalid-text}. */
  public DatasetSpec withInvalidText(String value) {
    return new DatasetSpec(train, tokenizer, packing, holdout, value, specialTokens, specialText);
  }

  /** The same with other {@code special-tokens} and {@code special-text}. */
  public DatasetSpec withSpecials(String tokens, String text) {
    return new DatasetSpec(train, tokenizer, packing, holdout, invalidText, tokens, text);
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
  public record Source(String path, String include, String field, double weight, String join) {
    public static final NumberRange WEIGHT = NumberRange.aboveUpTo(0, 1000);
    public static final List<String> JOINS = List.of("none", "folder");

    /** Each file is a document. */
    public Source(String path, String include, String field, double weight) {
      this(path, include, field, weight, "none");
    }

    public Source {
      Invalid.require(!path.isBlank(), "dataset.train.path", "is empty");
      Invalid.require(!field.isBlank(), "dataset.train.field", "is empty");
      WEIGHT.require("dataset.train.weight", weight);
      Invalid.requireOneOf(JOINS, "dataset.train.join", join);
    }
  }
}
