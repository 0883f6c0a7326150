package dev.gyre.trainer.data;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32C;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.json.JsonMapper;

/**
 * The concatenated tokens of all documents, memory-mapped, with an index of documents. Immutable;
 * many processes share one. Reads do not block and may come from any thread until {@link #close}.
 */
public final class TokenStore implements AutoCloseable {
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt I32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** A damaged key must not pass as a missing one. */
  private static final ObjectReader READER =
      JsonMapper.shared()
          .readerFor(StoreMeta.class)
          .with(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

  private static final ValueLayout.OfLong I64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int CHECKED_AT_ONCE = 1 << 20;

  private final Path folder;
  private final StoreMeta meta;
  private final Arena arena;
  private final MemorySegment tokens;
  private final MemorySegment index;
  private final MemorySegment files;
  private final MemorySegment names;
  private final LabelMarks labels;

  @SuppressWarnings("MustBeClosedChecker") // the arena closes with the store
  private TokenStore(Path folder, StoreMeta meta, Arena arena) throws IOException {
    this.folder = folder;
    this.meta = meta;
    this.arena = arena;
    StoreMeta.Checksums sums = meta.crc32c();
    tokens = map(StoreMeta.TOKENS_FILE, meta.tokens() * meta.tokenWidth(), sums.tokens());
    long indexBytes = (long) meta.documents() * StoreWriter.DOCUMENT_BYTES;
    index = map(StoreMeta.DOCUMENTS_FILE, indexBytes, sums.documents());
    files = map(StoreMeta.FILES_FILE, (long) meta.files() * StoreWriter.FILE_BYTES, sums.files());
    names = map(StoreMeta.NAMES_FILE, -1, sums.names());
    labels =
        meta.marked()
            ? new LabelMarks(
                map(StoreMeta.LABELS_FILE, LabelMarks.bytes(meta.tokens()), sums.labels()))
            : LabelMarks.ALL;
  }

  /**
   * Maps a store and checks every byte of it.
   *
   * @throws DataException if a file is missing, short or changed; names the file and what to do
   */
  @SuppressWarnings("MustBeClosedChecker") // the arena closes with the store
  public static TokenStore open(Path folder) {
    StoreMeta meta = meta(folder);
    Arena arena = Arena.ofShared();
    try {
      return new TokenStore(folder, meta, arena);
    } catch (IOException e) {
      arena.close();
      throw DataException.io("token store " + folder, e);
    } catch (DataException e) {
      arena.close();
      throw e;
    }
  }

  private static StoreMeta meta(Path folder) {
    Path file = folder.resolve(StoreMeta.META_FILE);
    try {
      StoreMeta meta = READER.readValue(Files.readAllBytes(file));
      if (meta.format() != StoreMeta.FORMAT) {
        throw damaged(
            file, "has format " + meta.format() + ", this build reads " + StoreMeta.FORMAT);
      }
      if (!meta.equals(meta.checked())) {
        throw damaged(file, "does not hold what was written into it (its checksum differs)");
      }
      return meta;
    } catch (JacksonException _) {
      throw damaged(file, "is not the JSON that was written into it");
    } catch (NoSuchFileException e) {
      throw damaged(file, "is missing");
    } catch (IOException e) {
      throw DataException.io("token store " + file, e);
    }
  }

  private MemorySegment map(String name, long bytes, long crc) throws IOException {
    Path file = folder.resolve(name);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (bytes >= 0 && channel.size() != bytes) {
        throw damaged(file, "has %,d bytes, not %,d".formatted(channel.size(), bytes));
      }
      if (crc32c(channel) != crc) {
        throw damaged(file, "does not hold what was written into it (its checksum differs)");
      }
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    } catch (NoSuchFileException e) {
      throw damaged(file, "is missing");
    }
  }

  /** Read, not mapped: a page that is only checked must not count as this process's memory. */
  private static long crc32c(FileChannel channel) throws IOException {
    CRC32C crc = new CRC32C();
    ByteBuffer block = ByteBuffer.allocateDirect(CHECKED_AT_ONCE);
    while (channel.read(block.clear()) > 0) {
      crc.update(block.flip());
    }
    return crc.getValue();
  }

  private static DataException damaged(Path file, String what) {
    return new DataException(
        "token store: %s %s; delete the folder %s and run: gyre data prepare"
            .formatted(file, what, file.getParent()));
  }

  public Path folder() {
    return folder;
  }

  public int documents() {
    return meta.documents();
  }

  /** Tokens of all documents. */
  public long tokens() {
    return meta.tokens();
  }

  /** UTF-8 bytes of all documents before tokenizing. */
  public long textBytes() {
    return meta.textBytes();
  }

  public int vocabSize() {
    return meta.vocabSize();
  }

  /** SHA-256 over tokenizer, tokens and documents, in hexadecimal: equal content, equal rows. */
  public String contentHash() {
    return meta.content();
  }

  /** What was wrong with the text, and what was done about it. */
  public List<TextFault> faults() {
    return meta.faults();
  }

  /** {@link Tokenizer#id} of what made the tokens. */
  public String tokenizer() {
    return meta.tokenizer();
  }

  /** Path of each source, as in the job. */
  public List<String> sources() {
    return meta.sources();
  }

  /** Store position of a document's first token. */
  public long start(int document) {
    return document == 0 ? 0 : end(document - 1);
  }

  public long end(int document) {
    return index.get(I64, at(document));
  }

  /** Depends on nothing but the document's tokens and labels. */
  long key(int document) {
    return index.get(I64, at(document) + Long.BYTES);
  }

  private int file(int document) {
    return index.get(I32, at(document) + 2 * Long.BYTES);
  }

  private int line(int document) {
    return index.get(I32, at(document) + 2 * Long.BYTES + Integer.BYTES);
  }

  private long at(int document) {
    if (document < 0 || document >= documents()) {
      throw new IndexOutOfBoundsException("document " + document + " of " + documents());
    }
    return (long) document * StoreWriter.DOCUMENT_BYTES;
  }

  /** Index of the source a document came from. */
  public int source(int document) {
    return files.get(I32, fileAt(file(document)) + 3 * Long.BYTES);
  }

  /** Name of a document inside its source: its file's, and its line if that holds many. */
  public String name(int document) {
    int line = line(document);
    String name = fileName(file(document));
    return line == 0 ? name : name + ":" + line;
  }

  /** Files with documents. */
  int files() {
    return meta.files();
  }

  private static long fileAt(int file) {
    return (long) file * StoreWriter.FILE_BYTES;
  }

  private String fileName(int file) {
    long from = file == 0 ? 0 : files.get(I64, fileAt(file - 1));
    long to = files.get(I64, fileAt(file));
    byte[] utf8 = names.asSlice(from, to - from).toArray(ValueLayout.JAVA_BYTE);
    return new String(utf8, StandardCharsets.UTF_8);
  }

  /** A file of the store, as far as it gave documents. */
  StoredFile storedFile(int file) {
    long at = fileAt(file);
    long digestAt = at + 3 * Long.BYTES + Integer.BYTES;
    byte[] digest =
        files.asSlice(digestAt, EncodedBatch.DIGEST_BYTES).toArray(ValueLayout.JAVA_BYTE);
    return new StoredFile(
        files.get(I32, at + 3 * Long.BYTES),
        fileName(file),
        files.get(I64, at + Long.BYTES),
        HexFormat.of().formatHex(digest));
  }

  /** Which tokens have a label. */
  LabelMarks labels() {
    return labels;
  }

  /**
   * Writes tokens {@code [from, from + count)} of the store as I32.
   *
   * @param target I32, any segment
   * @param index of the first element written
   */
  void copy(long from, int count, MemorySegment target, long index) {
    switch (meta.tokenWidth()) {
      case 1 -> {
        for (int i = 0; i < count; i++) {
          int token = tokens.get(ValueLayout.JAVA_BYTE, from + i) & 0xFF;
          target.setAtIndex(ValueLayout.JAVA_INT, index + i, token);
        }
      }
      case 2 -> {
        for (int i = 0; i < count; i++) {
          int token = tokens.get(U16, 2 * (from + i)) & 0xFFFF;
          target.setAtIndex(ValueLayout.JAVA_INT, index + i, token);
        }
      }
      default -> {
        for (int i = 0; i < count; i++) {
          target.setAtIndex(ValueLayout.JAVA_INT, index + i, tokens.get(I32, 4 * (from + i)));
        }
      }
    }
  }

  /** Tokens {@code [from, from + count)} of the store. */
  int[] read(long from, int count) {
    int[] copy = new int[count];
    copy(from, count, MemorySegment.ofArray(copy), 0);
    return copy;
  }

  /** Stored bytes of byte tokens, without copying. */
  ByteBuffer bytes(long from, int count) {
    return tokens.asSlice(from, count).asByteBuffer();
  }

  @Override
  public void close() {
    arena.close();
  }
}
