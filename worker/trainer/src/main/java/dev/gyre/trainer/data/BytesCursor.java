package dev.gyre.trainer.data;

import dev.gyre.trainer.data.DocumentReader.Batch;
import dev.gyre.trainer.data.DocumentReader.FileCursor;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** A long file whose bytes are its tokens, read in blocks. */
final class BytesCursor implements FileCursor {
  private final int index;
  private final SourceFile file;
  private final FileInput in;
  private final DocumentEncoder encoder;
  private byte @Nullable [] ahead;
  private boolean begun;

  BytesCursor(int index, SourceFile file, FileInput in, DocumentEncoder encoder) {
    this.index = index;
    this.file = file;
    this.in = in;
    this.encoder = encoder;
  }

  @Override
  public @Nullable Batch next() throws IOException {
    if (!begun) {
      begun = true;
      byte[] first = block();
      Problem problem =
          TextHead.problem(index, file.name(), first, Math.min(first.length, TextHead.BYTES));
      int mark = TextHead.markBytes(first, first.length);
      byte[] text = mark == 0 ? first : Arrays.copyOfRange(first, mark, first.length);
      if (problem == null && text.length == 0) {
        problem = new Problem(ProblemKind.EMPTY, index, 0, "is empty");
      }
      if (problem != null) {
        EncodedBatch batch = encoder.newBatch(0);
        batch.problems().add(problem);
        return Batch.of(index, Math.max(0, file.bytes()), batch);
      }
      ahead = text;
    }
    byte[] now = ahead;
    if (now == null) {
      return null;
    }
    // The next block is read first, so that the last one is known to be the last.
    byte[] later = block();
    ahead = later.length == 0 ? null : later;
    boolean last = later.length == 0;
    return new Batch(index, now.length, () -> encoder.part(index, now, last));
  }

  private byte[] block() throws IOException {
    byte[] block = new byte[DocumentReader.BATCH_BYTES];
    int count = in.fill(block, 0, block.length);
    return count == block.length ? block : Arrays.copyOf(block, count);
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
