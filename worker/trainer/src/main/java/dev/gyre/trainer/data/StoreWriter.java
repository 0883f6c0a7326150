package dev.gyre.trainer.data;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Writes a token store into a new folder, documents in order.
 *
 * <p>{@code documents.bin} holds, little-endian, for n documents: n × i64 token end, n × i64 text
 * bytes, n × i64 name hash, n × i64 name end, n × i32 source, then the names. {@code labels.bin},
 * see {@link LabelMarks}, exists if not every token has a label.
 */
final class StoreWriter implements AutoCloseable {
  private static final int BUFFER_BYTES = 1 << 20;

  private final Path folder;
  private final Tokenizer tokenizer;
  private final int tokenWidth;
  private final FileChannel tokensFile;
  private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
  private final CRC32C tokensCrc = new CRC32C();
  private final MessageDigest content = Hashing.sha256();
  private final List<Entry> entries = new ArrayList<>();
  private boolean marked;
  private long tokens;
  private long textBytes;

  private record Entry(
      long tokenEnd,
      int textBytes,
      long nameHash,
      int source,
      byte[] name,
      @Nullable BitSet labelled) {}

  StoreWriter(Path folder, Tokenizer tokenizer) throws IOException {
    this.folder = folder;
    this.tokenizer = tokenizer;
    this.tokenWidth = DocumentEncoder.tokenWidth(tokenizer.vocabSize());
    this.tokensFile = create(StoreMeta.TOKENS_FILE);
    Hashing.add(content, tokenizer.id());
  }

  void add(EncodedDocument document) throws IOException {
    byte[] bytes = document.tokens();
    tokensCrc.update(bytes);
    content.update(bytes);
    int at = 0;
    while (at < bytes.length) {
      int count = Math.min(buffer.remaining(), bytes.length - at);
      buffer.put(bytes, at, count);
      at += count;
      if (!buffer.hasRemaining()) {
        flush();
      }
    }
    int count = bytes.length / tokenWidth;
    BitSet labelled = document.labelled();
    marked |= labelled != null && labelled.nextClearBit(0) < count;
    tokens += count;
    textBytes += document.textBytes();
    byte[] name = document.name().getBytes(StandardCharsets.UTF_8);
    entries.add(
        new Entry(
            tokens,
            document.textBytes(),
            Hashing.ofName(document.source(), name),
            document.source(),
            name,
            labelled));
  }

  private void flush() throws IOException {
    buffer.flip();
    writeFully(buffer, tokensFile);
    buffer.clear();
  }

  private static void writeFully(ByteBuffer bytes, FileChannel out) throws IOException {
    while (bytes.hasRemaining()) {
      out.write(bytes);
    }
  }

  int documents() {
    return entries.size();
  }

  /** Writes the index and, last, {@code store.json}, which completes the store. */
  StoreMeta finish(long binarySkipped, long emptySkipped, List<String> sources) throws IOException {
    flush();
    tokensFile.force(true);
    ByteBuffer index = index();
    CRC32C indexCrc = new CRC32C();
    indexCrc.update(index.duplicate());
    content.update(index.duplicate());
    write(StoreMeta.DOCUMENTS_FILE, index);
    CRC32C labelsCrc = new CRC32C();
    if (marked) {
      writeLabels(labelsCrc);
    }
    StoreMeta meta =
        new StoreMeta(
                StoreMeta.FORMAT,
                tokenizer.id(),
                tokenizer.vocabSize(),
                tokenWidth,
                tokens,
                entries.size(),
                textBytes,
                tokensCrc.getValue(),
                indexCrc.getValue(),
                marked,
                labelsCrc.getValue(),
                HexFormat.of().formatHex(content.digest()),
                binarySkipped,
                emptySkipped,
                sources,
                0)
            .checked();
    byte[] json =
        JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build()
            .writeValueAsBytes(meta);
    write(StoreMeta.META_FILE, ByteBuffer.wrap(json));
    return meta;
  }

  /** One bit per token; see {@link LabelMarks}. */
  private void writeLabels(CRC32C crc) throws IOException {
    try (FileChannel out = create(StoreMeta.LABELS_FILE)) {
      int bits = 0;
      long token = 0;
      for (Entry entry : entries) {
        BitSet labelled = entry.labelled;
        long first = token;
        for (; token < entry.tokenEnd; token++) {
          boolean label = labelled == null || labelled.get((int) (token - first));
          bits |= (label ? 1 : 0) << (token & 7);
          if ((token & 7) == 7) {
            putLabels(bits, out, crc);
            bits = 0;
          }
        }
      }
      if ((token & 7) != 0) {
        putLabels(bits, out, crc);
      }
      flushLabels(out, crc);
      out.force(true);
    }
  }

  private void putLabels(int bits, FileChannel out, CRC32C crc) throws IOException {
    buffer.put((byte) bits);
    if (!buffer.hasRemaining()) {
      flushLabels(out, crc);
    }
  }

  private void flushLabels(FileChannel out, CRC32C crc) throws IOException {
    crc.update(buffer.flip());
    content.update(buffer.rewind());
    writeFully(buffer.rewind(), out);
    buffer.clear();
  }

  private ByteBuffer index() {
    long names = 0;
    for (Entry entry : entries) {
      names += entry.name.length;
    }
    long bytes = entries.size() * (4L * Long.BYTES + Integer.BYTES) + names;
    if (bytes > Integer.MAX_VALUE - 8) {
      throw new DataException(
          "dataset.train: %,d documents are more than a token store can index; join small ones"
              .formatted(entries.size()));
    }
    ByteBuffer index = ByteBuffer.allocate((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
    entries.forEach(entry -> index.putLong(entry.tokenEnd));
    entries.forEach(entry -> index.putLong(entry.textBytes));
    entries.forEach(entry -> index.putLong(entry.nameHash));
    long nameEnd = 0;
    for (Entry entry : entries) {
      nameEnd += entry.name.length;
      index.putLong(nameEnd);
    }
    entries.forEach(entry -> index.putInt(entry.source));
    entries.forEach(entry -> index.put(entry.name));
    return index.flip();
  }

  private void write(String name, ByteBuffer bytes) throws IOException {
    try (FileChannel out = create(name)) {
      writeFully(bytes, out);
      out.force(true);
    }
  }

  private FileChannel create(String name) throws IOException {
    return FileChannel.open(
        folder.resolve(name), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  }

  @Override
  public void close() throws IOException {
    tokensFile.close();
  }

  /** Removes a folder of plain files, as far as possible. */
  static void delete(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.deleteIfExists(file);
      }
    }
    Files.deleteIfExists(folder);
  }
}
