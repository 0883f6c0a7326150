package dev.gyre.trainer.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
 * Cuts the files into batches of about {@link #BATCH_BYTES} that can be read and tokenized at the
 * same time. Batches come in document order, and are the same whatever the number of threads; a
 * batch's work may run on any thread, but before this reader is closed. Memory does not grow with a
 * file.
 */
final class DocumentReader implements Iterator<DocumentReader.Batch>, AutoCloseable {
  /** Large enough to make the hand-over cheap, small enough to give every core a batch. */
  static final int BATCH_BYTES = 1 << 20;

  private final List<SourceFile> files;
  private final DocumentEncoder encoder;
  private final Map<Path, ZipFile> zips = new HashMap<>();
  private int nextFile;
  private @Nullable FileCursor cursor;
  private @Nullable Batch ahead;

  DocumentReader(List<SourceFile> files, DocumentEncoder encoder) {
    this.files = files;
    this.encoder = encoder;
  }

  /**
   * Work on consecutive documents, or on a part of one.
   *
   * @param file index of the first file it reads
   * @param bytes of text, about
   */
  record Batch(int file, long bytes, Callable<EncodedBatch> work) {
    /** One that is done: a problem, without documents. */
    static Batch of(int file, long bytes, EncodedBatch batch) {
      return new Batch(file, bytes, () -> batch);
    }
  }

  /** What is left to read of one file. */
  interface FileCursor extends AutoCloseable {
    /** The next batch; null at the end. */
    @Nullable Batch next() throws IOException;

    @Override
    void close() throws IOException;
  }

  @Override
  public boolean hasNext() {
    if (ahead == null) {
      ahead = advance();
    }
    return ahead != null;
  }

  @Override
  public Batch next() {
    if (!hasNext() || ahead == null) {
      throw new NoSuchElementException();
    }
    Batch batch = ahead;
    ahead = null;
    return batch;
  }

  private @Nullable Batch advance() {
    while (cursor != null || nextFile < files.size()) {
      int file = cursor == null ? nextFile : nextFile - 1;
      try {
        if (cursor == null && isSmall(files.get(nextFile))) {
          return smallFiles();
        }
        FileCursor open = cursor == null ? open(nextFile++) : cursor;
        cursor = open;
        Batch batch = open.next();
        if (batch != null) {
          return batch;
        }
        open.close();
        cursor = null;
      } catch (IOException e) {
        throw DataException.io("dataset.train: cannot read " + files.get(file).shown(), e);
      }
    }
    return null;
  }

  private static boolean isSmall(SourceFile file) {
    return !file.isJsonl() && file.bytes() >= 0 && file.bytes() < BATCH_BYTES;
  }

  private Batch smallFiles() throws IOException {
    int first = nextFile;
    long bytes = 0;
    while (nextFile < files.size() && bytes < BATCH_BYTES && isSmall(files.get(nextFile))) {
      SourceFile file = files.get(nextFile++);
      if (file.entry()) {
        zip(file.file());
      }
      bytes += file.bytes();
    }
    List<SourceFile> batch = files.subList(first, nextFile);
    return new Batch(first, bytes, () -> encoder.files(first, batch, this::read));
  }

  private FileCursor open(int index) throws IOException {
    SourceFile file = files.get(index);
    FileInput input = new FileInput(file, stream(file));
    if (file.isJsonl()) {
      return new JsonlCursor(index, file, input, encoder);
    }
    return encoder.isBytes()
        ? new BytesCursor(index, file, input, encoder)
        : TextCursor.ofFile(index, file, input, () -> stream(file), encoder);
  }

  private InputStream stream(SourceFile file) throws IOException {
    if (!file.entry()) {
      return Files.newInputStream(file.file());
    }
    ZipFile zip = zip(file.file());
    ZipEntry found = zip.getEntry(file.path());
    if (found == null) {
      throw new IOException("entry is gone; has the file changed?");
    }
    return zip.getInputStream(found);
  }

  /** Called from the threads that encode; their zip files were opened by {@link #next}. */
  private byte[] read(int index) {
    SourceFile file = files.get(index);
    try (FileInput in = new FileInput(file, stream(file))) {
      return in.readSmall();
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
      FileCursor open = cursor;
      if (open != null) {
        open.close();
      }
      for (ZipFile zip : zips.values()) {
        zip.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("closing the data's files", e);
    }
  }
}
