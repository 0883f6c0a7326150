package dev.gyre.trainer.data;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Looks through a long file for what is no UTF-8 text, keeping none of it. */
final class TextCheck {
  private static final int BLOCK = 64 << 10;

  private final int file;
  private final FileInput in;
  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT);
  private final ByteBuffer bytes = ByteBuffer.allocate(BLOCK);
  private final CharBuffer chars = CharBuffer.allocate(BLOCK);
  private long line = 1;

  private TextCheck(int file, FileInput in) {
    this.file = file;
    this.in = in;
  }

  /** The first thing that is wrong; null for nothing. */
  static @Nullable Problem problem(int file, String name, FileInput in) throws IOException {
    TextCheck check = new TextCheck(file, in);
    check.fill();
    int looked = Math.min(check.bytes.limit(), TextHead.BYTES);
    Problem head = TextHead.problem(file, name, check.bytes.array(), looked);
    return head == null ? check.rest() : head;
  }

  private boolean fill() throws IOException {
    int read = in.fill(bytes.array(), bytes.position(), bytes.capacity());
    bytes.limit(bytes.position() + read).position(0);
    return read > 0;
  }

  private @Nullable Problem rest() throws IOException {
    boolean more = true;
    while (true) {
      CoderResult result = decoder.decode(bytes, chars.clear(), !more);
      Problem nul = countLines();
      if (nul != null) {
        return nul;
      }
      if (result.isError()) {
        return DocumentEncoder.notUtf8(file, line, bytes.get(bytes.position()));
      }
      if (!more && result.isUnderflow()) {
        return null;
      }
      if (result.isUnderflow()) {
        bytes.compact();
        more = fill();
      }
    }
  }

  private @Nullable Problem countLines() {
    chars.flip();
    while (chars.hasRemaining()) {
      char c = chars.get();
      if (c == '\n') {
        line++;
      } else if (c == 0) {
        return new Problem(ProblemKind.NUL, file, line, "a text with NUL");
      }
    }
    return null;
  }
}
