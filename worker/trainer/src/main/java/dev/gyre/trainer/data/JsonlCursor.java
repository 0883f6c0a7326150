package dev.gyre.trainer.data;

import dev.gyre.trainer.data.DocumentReader.Batch;
import dev.gyre.trainer.data.DocumentReader.FileCursor;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A JSONL file, cut into blocks of whole lines that are read and tokenized elsewhere. A line that
 * is longer than a block is read here, and its text handed on in parts.
 */
final class JsonlCursor implements FileCursor {
  private static final int BLOCK = DocumentReader.BATCH_BYTES;

  private final int index;
  private final SourceFile file;
  private final FileInput in;
  private final DocumentEncoder encoder;
  private byte[] buffer = new byte[BLOCK];
  private int start;
  private int count;
  private boolean begun;
  private boolean atEnd;
  private @Nullable TextCursor longText;

  JsonlCursor(int index, SourceFile file, FileInput in, DocumentEncoder encoder) {
    this.index = index;
    this.file = file;
    this.in = in;
    this.encoder = encoder;
  }

  @Override
  public @Nullable Batch next() throws IOException {
    if (longText != null) {
      Batch batch = longText.next();
      if (batch != null) {
        return batch;
      }
      longText = null;
    }
    fill();
    if (!begun) {
      begun = true;
      Problem problem =
          TextHead.problem(index, file.name(), buffer, Math.min(count, TextHead.BYTES));
      if (problem == null && count == 0) {
        problem = new Problem(ProblemKind.EMPTY, index, 0, "is empty");
      }
      if (problem != null) {
        atEnd = true;
        count = 0;
        return done(problem, 0);
      }
      start = TextHead.markBytes(buffer, count);
    }
    if (start >= count) {
      return null;
    }
    int end = atEnd ? count : lastLineEnd();
    return end > 0 ? lines(end) : longLine();
  }

  private Batch done(Problem problem, int lines) {
    EncodedBatch batch = encoder.newBatch(0);
    batch.problems().add(problem);
    batch.addLines(lines);
    return Batch.of(index, 0, batch);
  }

  private void fill() throws IOException {
    while (!atEnd && count < buffer.length) {
      int read = in.read(buffer, count, buffer.length - count);
      atEnd = read < 0;
      count += Math.max(0, read);
    }
  }

  /** Just behind the last line that is whole; 0 for none. */
  private int lastLineEnd() {
    for (int i = count; i > start; i--) {
      if (buffer[i - 1] == '\n') {
        return i;
      }
    }
    return 0;
  }

  private Batch lines(int end) {
    byte[] block = buffer;
    int from = start;
    keepFrom(end);
    return new Batch(
        index, end - from, () -> encoder.lines(index, file.place().field(), block, from, end));
  }

  /** What is left begins another buffer: the old one belongs to the batch now. */
  private void keepFrom(int end) {
    byte[] next = new byte[BLOCK];
    System.arraycopy(buffer, end, next, 0, count - end);
    count -= end;
    start = 0;
    buffer = next;
  }

  private Batch longLine() throws IOException {
    int end = 0;
    while (end == 0 && !atEnd && count - start <= JsonLine.MAX_BYTES) {
      if (count == buffer.length) {
        buffer = Arrays.copyOf(buffer, (int) Math.min(2L * count, JsonLine.MAX_BYTES + 2L * BLOCK));
      }
      int from = count;
      count += in.fill(buffer, from, Math.min(buffer.length, from + BLOCK));
      atEnd = count == from;
      end = firstLineEnd(from);
    }
    int lineEnd = end > 0 ? end - 1 : count;
    if (lineEnd - start > JsonLine.MAX_BYTES) {
      return tooLong(end);
    }
    Problems problems = new Problems();
    String field = file.place().field();
    String text = encoder.lineText(problems, index, 1, field, buffer, start, lineEnd);
    int bytes = lineEnd - start;
    keepFrom(end > 0 ? end : count);
    String sound = text == null ? null : encoder.sound(problems, index, 1, text);
    if (sound != null) {
      longText = TextCursor.ofLine(index, sound, encoder);
    }
    EncodedBatch batch = encoder.newBatch(0);
    batch.problems().add(problems, 0);
    batch.addLines(sound == null ? 1 : 0);
    return Batch.of(index, sound == null ? bytes : 0, batch);
  }

  private int firstLineEnd(int from) {
    for (int i = from; i < count; i++) {
      if (buffer[i] == '\n') {
        return i + 1;
      }
    }
    return 0;
  }

  /**
   * @param end just behind the line; 0 if that is not read yet
   */
  private Batch tooLong(int end) throws IOException {
    int next = end;
    while (next == 0 && !atEnd) {
      start = 0;
      count = in.fill(buffer, 0, BLOCK);
      atEnd = count == 0;
      next = firstLineEnd(0);
    }
    keepFrom(next > 0 ? next : count);
    return done(
        new Problem(
            ProblemKind.LINE_TOO_LONG,
            index,
            1,
            "a JSON line of more than %d MiB, the limit; put such a text into a .txt file"
                .formatted(JsonLine.MAX_BYTES >> 20)),
        1);
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
