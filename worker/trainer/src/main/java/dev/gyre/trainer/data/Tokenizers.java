package dev.gyre.trainer.data;

import java.nio.file.Path;

/** Opens the tokenizer that {@code dataset.tokenizer} names. */
public final class Tokenizers {
  private Tokenizers() {}

  /**
   * @param tokenizer {@code bytes}, or the path of a {@code tokenizer.json}
   * @param base relative paths are resolved against it
   * @throws DataException if it cannot be opened; says what to do
   */
  public static Tokenizer open(String tokenizer, Path base) {
    return tokenizer.equals(ByteTokenizer.ID)
        ? new ByteTokenizer()
        : HuggingFaceFileTokenizer.open(base.resolve(tokenizer));
  }
}
