package dev.gyre.trainer.data;

import dev.gyre.trainer.data.DocumentReader.Batch;
import dev.gyre.trainer.data.DocumentReader.FileCursor;
import dev.gyre.trainer.data.TextCutter.Cut;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * A long document for a tokenizer, read as characters and cut into batches at places where the
 * tokenizer allows it.
 */
final class TextCursor implements FileCursor {
  private static final char BYTE_ORDER_MARK = '\uFEFF';

  private static final int CAPACITY = DocumentEncoder.MAX_UNCUT + 2 * DocumentEncoder.PIECE;

  private final int index;
  private final int line;
  private final DocumentEncoder encoder;
  private final Reader reader;
  private final char[] chars = new char[CAPACITY];
  private int count;
  private boolean first = true;
  private boolean done;
  private @Nullable Problem problem;

  private TextCursor(
      int index, int line, DocumentEncoder encoder, Reader reader, @Nullable Problem problem) {
    this.index = index;
    this.line = line;
    this.encoder = encoder;
    this.reader = reader;
    this.problem = problem;
  }

  /** Opens a file again. */
  interface Opener {
    InputStream open() throws IOException;
  }

  /**
   * A file that is one document. It is looked through first: half of a document must not be stored
   * before what is wrong with its other half is seen.
   *
   * @param in the file's bytes; closed
   */
  static TextCursor ofFile(
      int index, SourceFile file, FileInput in, Opener opener, DocumentEncoder encoder)
      throws IOException {
    Problem found;
    try (in) {
      found = TextCheck.problem(index, file.name(), in);
    }
    boolean readable = found == null || encoder.policy().repairs(found.kind());
    Reader reader =
        readable
            ? new InputStreamReader(opener.open(), StandardCharsets.UTF_8)
            : new StringReader("");
    TextCursor cursor = new TextCursor(index, 0, encoder, reader, found);
    cursor.done = !readable;
    return cursor;
  }

  /**
   * The text of a long JSON line.
   *
   * @param text sound
   */
  static TextCursor ofLine(int index, String text, DocumentEncoder encoder) {
    return new TextCursor(index, 1, encoder, new StringReader(text), null);
  }

  @Override
  public @Nullable Batch next() throws IOException {
    Problem found = problem;
    if (found != null) {
      problem = null;
      EncodedBatch batch = encoder.newBatch(0);
      batch.problems().add(found);
      return Batch.of(index, 0, batch);
    }
    if (done) {
      return null;
    }
    boolean last = !fill();
    boolean begins = first;
    first = false;
    done = last;
    if (last) {
      return batch(new String(chars, 0, count), begins, true);
    }
    String text = new String(chars, 0, count);
    Cut cut = cut(text);
    if (cut == null) {
      done = true;
      // Said in its turn, when it is known how many lines there are before.
      return new Batch(
          index,
          0,
          () -> {
            throw DocumentEncoder.uncuttable(index, line);
          });
    }
    count -= cut.next();
    System.arraycopy(chars, cut.next(), chars, 0, count);
    return batch(text.substring(0, cut.end()), begins, false);
  }

  private Batch batch(String text, boolean begins, boolean last) {
    return new Batch(
        index,
        Utf8.length(text),
        () -> {
          EncodedBatch batch = encoder.part(index, line, text, begins, last);
          if (last && line > 0) {
            batch.addLines(1);
          }
          return batch;
        });
  }

  /** The last cut that leaves a full piece behind it. */
  private @Nullable Cut cut(String text) {
    for (int to = text.length() - DocumentEncoder.PIECE; to > 0; to -= DocumentEncoder.PIECE) {
      Cut cut = encoder.cutter().last(text, Math.max(0, to - DocumentEncoder.PIECE), to);
      if (cut != null) {
        return cut;
      }
    }
    return null;
  }

  /** Fills the buffer; false if the text ends in it. */
  private boolean fill() throws IOException {
    while (count < CAPACITY) {
      int read = reader.read(chars, count, CAPACITY - count);
      if (read < 0) {
        return false;
      }
      if (first && count == 0 && read > 0 && line == 0 && chars[0] == BYTE_ORDER_MARK) {
        read--;
        System.arraycopy(chars, 1, chars, 0, read);
      }
      for (int i = count; i < count + read; i++) {
        chars[i] = chars[i] == 0 ? '\uFFFD' : chars[i];
      }
      count += read;
    }
    return true;
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }
}
