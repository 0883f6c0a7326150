package dev.gyre.trainer.data;

import java.nio.charset.StandardCharsets;

/** Text to token ids and back. Thread-safe. */
public interface Tokenizer extends AutoCloseable {
  /** Ids are in {@code [0, vocabSize())}. */
  int vocabSize();

  /** Changes when the mapping does: {@code bytes}, or the hash of the tokenizer's file. */
  String id();

  /**
   * @param utf8 text; neither start nor end tokens are added
   * @throws DataException if the tokenizer cannot encode it
   */
  int[] encode(byte[] utf8);

  /**
   * @param text without unpaired surrogates; neither start nor end tokens are added
   * @throws DataException if the tokenizer cannot encode it
   */
  default int[] encode(String text) {
    return encode(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Bytes that are not UTF-8, such as a cut character, become U+FFFD. */
  String decode(int[] tokens);

  @Override
  void close();

  /** Where long texts may be cut before they are encoded. */
  default TextCutter cutter() {
    return TextCutter.NEVER;
  }

  /** Tokens that the tokenizer's own template puts around a text. */
  default TokenTemplate template() {
    return TokenTemplate.NONE;
  }

  /** Whether a token was made of a special token's text, such as {@code </s>}. */
  default boolean isSpecial(int token) {
    return false;
  }

  /**
   * @throws DataException naming both sizes if a model cannot take every token
   */
  default void requireFits(int modelVocabSize) {
    if (vocabSize() > modelVocabSize) {
      throw new DataException(
          "dataset.tokenizer: has %,d tokens, the model's vocabulary %,d; set model.vocab_size=%d"
              .formatted(vocabSize(), modelVocabSize, vocabSize()));
    }
  }
}
