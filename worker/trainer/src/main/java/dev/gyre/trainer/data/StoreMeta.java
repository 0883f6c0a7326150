package dev.gyre.trainer.data;

import java.util.List;
import java.util.zip.CRC32C;
import tools.jackson.databind.json.JsonMapper;

/**
 * Content of a token store's {@code store.json}; written last.
 *
 * @param format version of the layout
 * @param tokenizer {@link Tokenizer#id}
 * @param tokenWidth bytes per stored token: 1, 2 or 4, little-endian
 * @param tokensCrc32c of {@code tokens.bin}
 * @param documentsCrc32c of {@code documents.bin}
 * @param marked whether only marked tokens have a label
 * @param labelsCrc32c of {@code labels.bin}, which exists if not every token has a label; 0 if it
 *     does not exist
 * @param content SHA-256 over tokenizer, tokens, document index and labels: equal content, equal
 *     rows
 * @param binarySkipped files left out because they hold zero bytes
 * @param emptySkipped documents without a token
 * @param sources path of each source, for display
 * @param check CRC32C of all the other values, see {@link #checked}
 */
record StoreMeta(
    int format,
    String tokenizer,
    int vocabSize,
    int tokenWidth,
    long tokens,
    int documents,
    long textBytes,
    long tokensCrc32c,
    long documentsCrc32c,
    boolean marked,
    long labelsCrc32c,
    String content,
    long binarySkipped,
    long emptySkipped,
    List<String> sources,
    long check) {
  static final int FORMAT = 2;
  static final String META_FILE = "store.json";
  static final String TOKENS_FILE = "tokens.bin";
  static final String DOCUMENTS_FILE = "documents.bin";
  static final String LABELS_FILE = "labels.bin";

  /** The same values with their checksum filled in. */
  StoreMeta checked() {
    CRC32C crc = new CRC32C();
    crc.update(JsonMapper.shared().writeValueAsBytes(withCheck(0)));
    return withCheck(crc.getValue());
  }

  private StoreMeta withCheck(long value) {
    return new StoreMeta(
        format,
        tokenizer,
        vocabSize,
        tokenWidth,
        tokens,
        documents,
        textBytes,
        tokensCrc32c,
        documentsCrc32c,
        marked,
        labelsCrc32c,
        content,
        binarySkipped,
        emptySkipped,
        sources,
        value);
  }
}
