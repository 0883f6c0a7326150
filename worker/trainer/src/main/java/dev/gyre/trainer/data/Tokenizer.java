package dev.gyre.trainer.data;

/** Text to token ids and back. Thread-safe. */
public interface Tokenizer extends AutoCloseable {
  /** Ids are in {@code [0, vocabSize())}. */
  int vocabSize();

  /** Changes when the mapping does: {@code bytes}, or the hash of the tokenizer's file. */
  String id();

  /**
   * @param utf8 text; neither start nor end tokens are added
   */
  int[] encode(byte[] utf8);

  /** Bytes that are not UTF-8, such as a cut character, become U+FFFD. */
  String decode(int[] tokens);

  @Override
  void close();

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
