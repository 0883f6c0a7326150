package dev.gyre.trainer.data;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.Callable;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/**
 * Cuts the files into batches of about {@link #BATCH_BYTES} that can be read and tokenized in
 * parallel. Batches come in document order. A batch's work may run on any thread, but must end
 * before this reader is closed.
 */
final class DocumentReader implements Iterator<DocumentReader.Batch>, AutoCloseable {
  /** Large enough to make the hand-over cheap, small enough to give every core a batch. */
  static final long BATCH_BYTES = 1 << 20;

  private final List<SourceFile> files;
  private final DocumentEncoder encoder;
  private final Map<Path, ZipFile> zips = new HashMap<>();
  private int nextFile;
  private @Nullable BufferedReader lines;
  private int lineNumber;

  DocumentReader(List<SourceFile> files, DocumentEncoder encoder) {
    this.files = files;
    this.encoder = encoder;
  }

  /**
   * Work on consecutive documents.
   *
   * @param bytes of text, about
   */
  record Batch(long bytes, Callable<Encoded> work) {}

  /** Result of a batch's work; binary and empty documents are only counted. */
  record Encoded(List<EncodedDocument> documents, int binary, int empty) {}

  @Override
  public boolean hasNext() {
    return nextFile < files.size();
  }

  @Override
  public Batch next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    try {
      return files.get(nextFile).isJsonl() ? jsonlBatch() : wholeFiles();
    } catch (IOException e) {
      throw DataException.io("dataset.train: cannot read " + files.get(nextFile).shown(), e);
    }
  }

  private Batch wholeFiles() throws IOException {
    List<SourceFile> batch = new ArrayList<>();
    long bytes = 0;
    while (hasNext() && bytes < BATCH_BYTES && !files.get(nextFile).isJsonl()) {
      SourceFile file = files.get(nextFile++);
      if (file.entry() != null) {
        zip(file.file());
      }
      batch.add(file);
      bytes += file.bytes();
    }
    return new Batch(bytes, () -> encoder.files(batch, this::read));
  }

  private Batch jsonlBatch() throws IOException {
    SourceFile file = files.get(nextFile);
    BufferedReader reader = lines;
    if (reader == null) {
      reader = new BufferedReader(new InputStreamReader(stream(file), StandardCharsets.UTF_8));
      lines = reader;
      lineNumber = 0;
    }
    int firstLine = lineNumber + 1;
    List<String> batch = new ArrayList<>();
    long bytes = 0;
    while (bytes < BATCH_BYTES) {
      String line = reader.readLine();
      if (line == null) {
        reader.close();
        lines = null;
        nextFile++;
        break;
      }
      lineNumber++;
      batch.add(line);
      bytes += line.length() + 1;
    }
    return new Batch(bytes, () -> encoder.lines(file, firstLine, batch));
  }

  private InputStream stream(SourceFile file) throws IOException {
    String entry = file.entry();
    if (entry == null) {
      return Files.newInputStream(file.file());
    }
    ZipFile zip = zip(file.file());
    ZipEntry found = zip.getEntry(entry);
    if (found == null) {
      throw new IOException("entry is gone; has the file changed?");
    }
    return zip.getInputStream(found);
  }

  /** Also called from the threads that encode; their zip files were opened by {@link #next}. */
  private byte[] read(SourceFile file) {
    if (file.bytes() > Integer.MAX_VALUE - 8) {
      throw new DataException(
          "dataset.train: %s has %,d bytes; a document may have 2 GiB: split it, or use JSONL"
              .formatted(file.shown(), file.bytes()));
    }
    try (InputStream in = stream(file)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw DataException.io("dataset.train: cannot read " + file.shown(), e);
    }
  }

  private synchronized ZipFile zip(Path file) throws IOException {
    ZipFile zip = zips.get(file);
    if (zip == null) {
      zip = new ZipFile(file.toFile());
      zips.put(file, zip);
    }
    return zip;
  }

  @Override
  public synchronized void close() {
    try {
      for (ZipFile zip : zips.values()) {
        zip.close();
      }
      BufferedReader open = lines;
      if (open != null) {
        open.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("closing the data's files", e);
    }
  }
}
