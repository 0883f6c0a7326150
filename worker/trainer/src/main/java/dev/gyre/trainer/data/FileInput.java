package dev.gyre.trainer.data;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/** A file's bytes, and whether there are as many as when it was found. */
final class FileInput extends FilterInputStream {
  private final SourceFile file;
  private long count;

  FileInput(SourceFile file, InputStream in) {
    super(in);
    this.file = file;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }

  @Override
  public int read(byte[] bytes, int from, int most) throws IOException {
    int read = in.read(bytes, from, most);
    if (read > 0) {
      count += read;
    }
    boolean tooShort = read < 0 && count != file.bytes();
    if (file.bytes() >= 0 && (tooShort || count > file.bytes())) {
      throw new DataException(
          "dataset.train: %s changed while it was read; try again".formatted(file.shown()));
    }
    return read;
  }

  /** Fills {@code [from, to)} as far as there are bytes; the number read, 0 at the end. */
  int fill(byte[] bytes, int from, int to) throws IOException {
    int at = from;
    while (at < to) {
      int read = read(bytes, at, to - at);
      if (read < 0) {
        break;
      }
      at += read;
    }
    return at - from;
  }

  /** All of a file whose size is known and small. */
  byte[] readSmall() throws IOException {
    byte[] bytes = new byte[Math.toIntExact(file.bytes())];
    // One byte more is asked for, so that a file that has grown is found.
    if (fill(bytes, 0, bytes.length) < bytes.length || read() >= 0) {
      throw new DataException(
          "dataset.train: %s changed while it was read; try again".formatted(file.shown()));
    }
    return bytes;
  }

  @Override
  public boolean markSupported() {
    return false;
  }
}
