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

  /** CRC32C takes buffers, which end at 2 GiB. */
  private static final long CHECKED_AT_ONCE = 1L << 30;

  private final Path folder;
  private final StoreMeta meta;
  private final Arena arena;
  private final MemorySegment tokens;
  private final MemorySegment index;
  private final LabelMarks labels;

  private TokenStore(
      Path folder,
      StoreMeta meta,
      Arena arena,
      MemorySegment tokens,
      MemorySegment index,
      LabelMarks labels) {
    this.folder = folder;
    this.meta = meta;
    this.arena = arena;
    this.tokens = tokens;
    this.index = index;
    this.labels = labels;
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
      long tokenBytes = meta.tokens() * meta.tokenWidth();
      MemorySegment tokens =
          map(folder, StoreMeta.TOKENS_FILE, tokenBytes, meta.tokensCrc32c(), arena);
      MemorySegment index =
          map(folder, StoreMeta.DOCUMENTS_FILE, -1, meta.documentsCrc32c(), arena);
      LabelMarks labels = meta.marked() ? marks(folder, meta, arena) : LabelMarks.ALL;
      return new TokenStore(folder, meta, arena, tokens, index, labels);
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

  private static LabelMarks marks(Path folder, StoreMeta meta, Arena arena) throws IOException {
    long bytes = LabelMarks.bytes(meta.tokens());
    return new LabelMarks(map(folder, StoreMeta.LABELS_FILE, bytes, meta.labelsCrc32c(), arena));
  }

  private static MemorySegment map(Path folder, String name, long bytes, long crc, Arena arena)
      throws IOException {
    Path file = folder.resolve(name);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (bytes >= 0 && channel.size() != bytes) {
        throw damaged(file, "has %,d bytes, not %,d".formatted(channel.size(), bytes));
      }
      MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      if (crc32c(mapped) != crc) {
        throw damaged(file, "does not hold what was written into it (its checksum differs)");
      }
      return mapped;
    } catch (NoSuchFileException e) {
      throw damaged(file, "is missing");
    }
  }

  private static long crc32c(MemorySegment segment) {
    CRC32C crc = new CRC32C();
    for (long at = 0; at < segment.byteSize(); at += CHECKED_AT_ONCE) {
      long count = Math.min(CHECKED_AT_ONCE, segment.byteSize() - at);
      crc.update(segment.asSlice(at, count).asByteBuffer());
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

  /** Files that were left out because they hold zero bytes. */
  public long binarySkipped() {
    return meta.binarySkipped();
  }

  /** Documents that were left out because they are empty. */
  public long emptySkipped() {
    return meta.emptySkipped();
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
    return longAt(0, document);
  }

  public long textBytes(int document) {
    return longAt(1, document);
  }

  long nameHash(int document) {
    return longAt(2, document);
  }

  /** Index of the source a document came from. */
  public int source(int document) {
    return index.get(I32, 4L * Long.BYTES * documents() + 4L * document);
  }

  /** Name of a document inside its source. */
  public String name(int document) {
    long from = document == 0 ? 0 : longAt(3, document - 1);
    long to = longAt(3, document);
    long names = (4L * Long.BYTES + Integer.BYTES) * documents();
    byte[] utf8 = index.asSlice(names + from, to - from).toArray(ValueLayout.JAVA_BYTE);
    return new String(utf8, StandardCharsets.UTF_8);
  }

  /** Which tokens have a label. */
  LabelMarks labels() {
    return labels;
  }

  private long longAt(int column, int document) {
    if (document < 0 || document >= documents()) {
      throw new IndexOutOfBoundsException("document " + document + " of " + documents());
    }
    long at = ((long) column * documents() + document) * Long.BYTES;
    return index.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), at);
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
