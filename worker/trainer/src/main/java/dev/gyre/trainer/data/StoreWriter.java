package dev.gyre.trainer.data;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Writes a token store into a new folder, documents in order; memory does not grow with their
 * number.
 *
 * <p>Little-endian. {@code documents.bin} holds for each document i64 token end, i64 key, i32 file,
 * i32 line (0 where the file is the document). {@code files.bin} holds for each file with documents
 * i64 name end, i64 bytes, i64 first document, i32 source, 32 bytes SHA-256 of its documents;
 * {@code names.bin} the files' names. {@code labels.bin}, see {@link LabelMarks}, is there if not
 * every token has a label.
 */
final class StoreWriter implements AutoCloseable {
  /** Bytes of a document in {@code documents.bin}. */
  static final int DOCUMENT_BYTES = 24;

  /** Bytes of a file in {@code files.bin}. */
  static final int FILE_BYTES = 3 * Long.BYTES + Integer.BYTES + EncodedBatch.DIGEST_BYTES;

  private final Path folder;
  private final Tokenizer tokenizer;
  private final List<NamedFile> files;
  private final int tokenWidth;
  private final StoreFile tokensFile;
  private final StoreFile documentsFile;
  private final StoreFile filesFile;
  private final StoreFile namesFile;
  private final LabelWriter labels;
  private final MessageDigest content = Hashing.sha256();
  private final MessageDigest fileDigest = Hashing.sha256();
  private final MessageDigest parts = Hashing.sha256();
  private final byte[] digest = new byte[EncodedBatch.DIGEST_BYTES];

  private int documents;
  private int storedFiles;
  private long tokens;
  private long textBytes;
  private long nameEnd;

  private int currentFile = -1;
  private int firstOfFile;
  private long currentBytes;
  private long partTokens;
  private boolean chained;

  /** Last file of a joined document that may go on; -1 if there is none. */
  private int joined = -1;

  private long joinedBytes;

  /**
   * A file for the store's list.
   *
   * @param name of the file, or of the folder whose files are joined
   * @param bytes its size
   * @param joined whether consecutive files of this name and source make one document
   */
  record NamedFile(int source, String name, long bytes, boolean joined) {}

  /**
   * @param tokenizer as documents were encoded
   * @param files by the index that documents name
   */
  StoreWriter(Path folder, Tokenizer tokenizer, String tokenizerId, List<NamedFile> files)
      throws IOException {
    this.folder = folder;
    this.tokenizer = tokenizer;
    this.files = files;
    this.tokenWidth = DocumentEncoder.tokenWidth(tokenizer.vocabSize());
    this.tokensFile = create(StoreMeta.TOKENS_FILE);
    this.documentsFile = create(StoreMeta.DOCUMENTS_FILE);
    this.filesFile = create(StoreMeta.FILES_FILE);
    this.namesFile = create(StoreMeta.NAMES_FILE);
    this.labels = new LabelWriter(folder.resolve(StoreMeta.LABELS_FILE));
    Hashing.add(content, tokenizerId);
  }

  private StoreFile create(String name) throws IOException {
    return new StoreFile(folder.resolve(name));
  }

  /**
   * Adds a batch's documents.
   *
   * @param lines of its file before the batch
   */
  void add(EncodedBatch batch, long lines) throws IOException {
    tokensFile.put(batch.tokens(), 0, batch.tokenBytes());
    labels.add(tokens + partTokens, batch.labelled(), batch.tokenCount());
    textBytes += batch.textBytes();
    int from = 0;
    for (int d = 0; d < batch.documents(); d++) {
      NamedFile file = files.get(batch.file(d));
      endJoined(file);
      batch.digest(d, digest);
      partTokens += batch.end(d) - from;
      from = batch.end(d);
      if (batch.open() || chained || file.joined()) {
        parts.update(digest);
        chained = true;
      }
      if (!batch.open() && file.joined()) {
        joined = batch.file(d);
        joinedBytes += file.bytes();
      } else if (!batch.open()) {
        long line = batch.line(d);
        end(batch.file(d), line == 0 ? 0 : line + lines);
      }
    }
  }

  /** Ends a joined document, unless this file continues it. */
  private void endJoined(@Nullable NamedFile next) throws IOException {
    if (joined < 0) {
      return;
    }
    NamedFile last = files.get(joined);
    if (next == null || next.source() != last.source() || !next.name().equals(last.name())) {
      end(joined, 0);
      joined = -1;
    }
  }

  private void end(int file, long line) throws IOException {
    byte[] whole = chained ? parts.digest() : digest;
    long count = partTokens;
    chained = false;
    partTokens = 0;
    if (count == 0) {
      return;
    }
    if (documents == Integer.MAX_VALUE || line > Integer.MAX_VALUE) {
      throw new DataException(
          "dataset.train: more documents than a token store can hold, 2^31; use fewer files");
    }
    if (file != currentFile) {
      endFile();
      currentFile = file;
      firstOfFile = documents;
      currentBytes = files.get(file).joined() ? joinedBytes : files.get(file).bytes();
      joinedBytes = 0;
    }
    tokens += count;
    documentsFile.putLong(tokens);
    documentsFile.putLong(Hashing.firstLong(whole));
    documentsFile.putInt(storedFiles);
    documentsFile.putInt((int) line);
    fileDigest.update(whole);
    documents++;
  }

  private void endFile() throws IOException {
    if (currentFile < 0) {
      return;
    }
    NamedFile file = files.get(currentFile);
    byte[] name = file.name().getBytes(StandardCharsets.UTF_8);
    byte[] sum = fileDigest.digest();
    nameEnd += name.length;
    namesFile.put(name, 0, name.length);
    filesFile.putLong(nameEnd);
    filesFile.putLong(currentBytes);
    filesFile.putLong(firstOfFile);
    filesFile.putInt(file.source());
    filesFile.put(sum, 0, sum.length);
    content.update((byte) file.source());
    content.update((byte) (file.source() >>> 8));
    content.update(sum);
    storedFiles++;
  }

  /** Documents so far, with the joined one that may still go on. */
  int documents() {
    return documents + (joined >= 0 && partTokens > 0 ? 1 : 0);
  }

  /** Of all documents so far, with the part of one that is not ended yet. */
  long tokens() {
    return tokens + partTokens;
  }

  /** Writes what is left and, last, what makes the folder a store. */
  StoreMeta finish(List<TextFault> faults, List<String> sources) throws IOException {
    endJoined(null);
    endFile();
    StoreMeta.Checksums sums =
        new StoreMeta.Checksums(
            tokensFile.finish(),
            documentsFile.finish(),
            filesFile.finish(),
            namesFile.finish(),
            labels.finish(tokens));
    StoreMeta meta =
        new StoreMeta(
                StoreMeta.FORMAT,
                tokenizer.id(),
                tokenizer.vocabSize(),
                tokenWidth,
                tokens,
                documents,
                storedFiles,
                textBytes,
                sums,
                labels.marked(),
                HexFormat.of().formatHex(content.digest()),
                faults,
                sources,
                0)
            .checked();
    byte[] json =
        JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build()
            .writeValueAsBytes(meta);
    try (StoreFile out = create(StoreMeta.META_FILE)) {
      out.put(json, 0, json.length);
      out.finish();
    }
    return meta;
  }

  @Override
  public void close() throws IOException {
    tokensFile.close();
    documentsFile.close();
    filesFile.close();
    namesFile.close();
    labels.close();
  }

  /** Removes a folder of plain files, as far as possible. */
  static void delete(Path folder) throws IOException {
    try (var inside = Files.list(folder)) {
      for (Path file : inside.toList()) {
        Files.deleteIfExists(file);
      }
    }
    Files.deleteIfExists(folder);
  }

  /** A bit a token; no file before the first token without a label. */
  private static final class LabelWriter implements AutoCloseable {
    private final Path path;
    private @Nullable StoreFile file;
    private long written;
    private int bits;

    LabelWriter(Path path) {
      this.path = path;
    }

    void add(long first, @Nullable BitSet marks, int count) throws IOException {
      if ((marks == null && file == null) || count == 0) {
        return;
      }
      StoreFile out = open();
      while (written < first) {
        put(out, true);
      }
      for (int t = 0; t < count; t++) {
        put(out, marks == null || marks.get(t));
      }
    }

    private StoreFile open() throws IOException {
      StoreFile out = file;
      if (out == null) {
        out = new StoreFile(path);
        file = out;
      }
      return out;
    }

    private void put(StoreFile out, boolean label) throws IOException {
      bits |= (label ? 1 : 0) << (written & 7);
      if ((written++ & 7) == 7) {
        out.put((byte) bits);
        bits = 0;
      }
    }

    boolean marked() {
      return file != null;
    }

    long finish(long tokens) throws IOException {
      StoreFile out = file;
      if (out == null) {
        return 0;
      }
      while (written < tokens) {
        put(out, true);
      }
      if ((written & 7) != 0) {
        out.put((byte) bits);
      }
      return out.finish();
    }

    @Override
    public void close() throws IOException {
      if (file != null) {
        file.close();
      }
    }
  }
}
