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
 * @param crc32c of the other files
 * @param marked whether only marked tokens have a label
 * @param content SHA-256 over tokenizer, tokens, labels, documents and their sources: equal
 *     content, equal rows; names and places of files are no part of it
 * @param faults what was wrong with the text, and what was done about it
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
    int files,
    long textBytes,
    Checksums crc32c,
    boolean marked,
    String content,
    List<TextFault> faults,
    List<String> sources,
    long check) {
  static final int FORMAT = 3;
  static final String META_FILE = "store.json";
  static final String TOKENS_FILE = "tokens.bin";
  static final String DOCUMENTS_FILE = "documents.bin";
  static final String FILES_FILE = "files.bin";
  static final String NAMES_FILE = "names.bin";
  static final String LABELS_FILE = "labels.bin";

  /**
   * CRC32C of each file.
   *
   * @param labels 0 without the file, which is there if not every token has a label
   */
  record Checksums(long tokens, long documents, long files, long names, long labels) {}

  StoreMeta {
    faults = List.copyOf(faults);
    sources = List.copyOf(sources);
  }

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
        files,
        textBytes,
        crc32c,
        marked,
        content,
        faults,
        sources,
        value);
  }
}
