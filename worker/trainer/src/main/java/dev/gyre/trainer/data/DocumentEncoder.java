package dev.gyre.trainer.data;

import dev.gyre.trainer.data.TextCutter.Cut;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** Text to stored tokens. Holds no state of a document: many threads share one. */
final class DocumentEncoder {
  /**
   * Characters given to a tokenizer at once, if the text can be cut. The library takes about 170
   * times the memory of a text while it encodes it, and is fastest with short ones.
   */
  static final int PIECE = 32 << 10;

  /** Longest text without a place to cut; encoding it takes about 170 MB. */
  static final int MAX_UNCUT = 1 << 20;

  private static final char REPLACEMENT = '\uFFFD';

  private final Tokenizer tokenizer;
  private final TokenTemplate template;
  private final InvalidText policy;
  private final int tokenWidth;
  private final JsonLine json = new JsonLine();
  private volatile boolean onlyChecks;

  /**
   * @param template tokens around each document
   */
  DocumentEncoder(Tokenizer tokenizer, TokenTemplate template, InvalidText policy) {
    this.tokenizer = tokenizer;
    this.template = template;
    this.policy = policy;
    this.tokenWidth = tokenWidth(tokenizer.vocabSize());
  }

  /** Bytes of a stored token. */
  static int tokenWidth(int vocabSize) {
    if (vocabSize <= 1 << 8) {
      return 1;
    }
    return vocabSize <= 1 << 16 ? 2 : 4;
  }

  /** Whether tokens are the bytes of a text, whatever they mean. */
  boolean isBytes() {
    return tokenizer instanceof ByteTokenizer;
  }

  InvalidText policy() {
    return policy;
  }

  TextCutter cutter() {
    return tokenizer.cutter();
  }

  /** From now on text is only looked through for problems: no batch holds a document. */
  void onlyCheck() {
    onlyChecks = true;
  }

  EncodedBatch newBatch(int textBytes) {
    return new EncodedBatch(tokenWidth, isBytes() ? textBytes : 0);
  }

  /** Whole files, one document each. */
  EncodedBatch files(int from, List<SourceFile> files, IntFunction<byte[]> read) {
    long bytes = files.stream().mapToLong(f -> Math.max(0, f.bytes())).sum();
    EncodedBatch batch = newBatch(Math.toIntExact(bytes));
    for (int i = 0; i < files.size(); i++) {
      file(batch, from + i, files.get(i).name(), read.apply(from + i));
    }
    return batch;
  }

  private void file(EncodedBatch batch, int file, String name, byte[] bytes) {
    Problem problem = TextHead.problem(file, name, bytes, Math.min(bytes.length, TextHead.BYTES));
    if (problem != null) {
      batch.problems().add(problem);
      return;
    }
    int mark = TextHead.markBytes(bytes, bytes.length);
    if (isBytes()) {
      bytes(batch, file, bytes, mark, bytes.length);
      return;
    }
    String text = new String(bytes, mark, bytes.length - mark, StandardCharsets.UTF_8);
    int invalid = text.indexOf(REPLACEMENT) < 0 ? -1 : Utf8.firstInvalid(bytes, mark, bytes.length);
    if (invalid >= 0 && !goesOn(batch, notUtf8(bytes, 0, invalid, file, 1))) {
      return;
    }
    text(batch, file, 0, text);
  }

  /** A problem at a byte, with its line. */
  private static Problem notUtf8(byte[] bytes, int from, int at, int file, long firstLine) {
    long line = firstLine;
    for (int i = from; i < at; i++) {
      line += bytes[i] == '\n' ? 1 : 0;
    }
    return notUtf8(file, line, bytes[at]);
  }

  static Problem notUtf8(int file, long line, byte first) {
    return new Problem(
        ProblemKind.NOT_UTF8, file, line, "not UTF-8: the byte 0x%02X".formatted(first & 0xFF));
  }

  /** Counts a problem. Returns whether the document is kept. */
  private boolean goesOn(EncodedBatch batch, Problem problem) {
    batch.problems().add(problem);
    return policy.repairs(problem.kind());
  }

  /**
   * Lines of a JSONL file, one document each; blank ones are passed over.
   *
   * @param block holds the lines' bytes in {@code [from, to)}
   */
  EncodedBatch lines(int file, String field, byte[] block, int from, int to) {
    EncodedBatch batch = newBatch(to - from);
    int line = 0;
    for (int at = from; at < to; ) {
      int end = at;
      while (end < to && block[end] != '\n') {
        end++;
      }
      line++;
      line(batch, file, line, field, block, at, end);
      at = end + 1;
    }
    batch.addLines(line);
    return batch;
  }

  private void line(
      EncodedBatch batch, int file, int line, String field, byte[] block, int from, int to) {
    String text = lineText(batch.problems(), file, line, field, block, from, to);
    if (text != null) {
      text(batch, file, line, text);
    }
  }

  /** The text in a line, repaired if need be; null for none, which is counted. */
  @Nullable String lineText(
      Problems problems, int file, int line, String field, byte[] block, int from, int to) {
    if (isBlank(block, from, to)) {
      return null;
    }
    byte[] bytes = block;
    int first = from;
    int end = to;
    int invalid = Utf8.firstInvalid(bytes, from, to);
    if (invalid >= 0) {
      problems.add(notUtf8(file, line, bytes[invalid]));
      if (policy != InvalidText.REPLACE) {
        return null;
      }
      bytes =
          new String(block, from, to - from, StandardCharsets.UTF_8)
              .getBytes(StandardCharsets.UTF_8);
      first = 0;
      end = bytes.length;
    }
    JsonLine.Found found = json.read(bytes, first, end, field);
    if (found.problem() != null) {
      problems.add(new Problem(found.problem(), file, line, found.what()));
      if (!policy.repairs(found.problem())) {
        return null;
      }
    }
    return found.text();
  }

  private static boolean isBlank(byte[] bytes, int from, int to) {
    for (int i = from; i < to; i++) {
      if (bytes[i] > ' ' || bytes[i] < 0) {
        return false;
      }
    }
    return true;
  }

  /**
   * A part of a long document.
   *
   * @param line of the file; 0 where the file is the document
   */
  EncodedBatch part(int file, int line, String text, boolean first, boolean last) {
    EncodedBatch batch = newBatch(0);
    if (first && last && text.isEmpty()) {
      batch.problems().add(new Problem(ProblemKind.EMPTY, file, line, emptyWords(line)));
      return batch;
    }
    if (!onlyChecks) {
      if (first) {
        batch.put(template.before());
      }
      put(batch, file, line, text);
      if (last) {
        batch.put(template.after());
      }
    }
    batch.end(file, line);
    batch.addText(Utf8.length(text));
    if (!last) {
      batch.leaveOpen();
    }
    return batch;
  }

  /** A part of a long document whose bytes are its tokens; keeps them. */
  EncodedBatch part(int file, byte[] bytes, boolean last) {
    EncodedBatch batch = EncodedBatch.ofBytes(bytes);
    batch.end(file, 0);
    batch.addText(bytes.length);
    if (!last) {
      batch.leaveOpen();
    }
    return batch;
  }

  private void bytes(EncodedBatch batch, int file, byte[] bytes, int from, int to) {
    if (from == to) {
      batch.problems().add(new Problem(ProblemKind.EMPTY, file, 0, "is empty"));
    } else if (!onlyChecks) {
      batch.put(bytes, from, to);
      batch.end(file, 0);
      batch.addText(to - from);
    }
  }

  /** A whole document. */
  private void text(EncodedBatch batch, int file, int line, String text) {
    String sound = sound(batch.problems(), file, line, text);
    if (sound == null || onlyChecks) {
      return;
    }
    batch.put(template.before());
    int around = batch.newBytes();
    if (!sound.isEmpty()) {
      put(batch, file, line, sound);
    }
    if (batch.newBytes() == around) {
      batch.drop();
      batch.problems().add(new Problem(ProblemKind.EMPTY, file, line, emptyWords(line)));
      return;
    }
    batch.put(template.after());
    batch.end(file, line);
    batch.addText(Utf8.length(sound));
  }

  static String emptyWords(int line) {
    return line == 0 ? "is empty" : "the text is empty";
  }

  /** The text without NUL and half surrogates; null if it is left out for them. */
  @Nullable String sound(Problems problems, int file, int line, String text) {
    String sound = text;
    int nul = text.indexOf('\0');
    if (nul >= 0) {
      problems.add(new Problem(ProblemKind.NUL, file, lineOf(text, nul, line), "a text with NUL"));
      sound = sound.replace('\0', REPLACEMENT);
    }
    int lone = loneSurrogate(text);
    if (lone >= 0) {
      problems.add(
          new Problem(
              ProblemKind.SURROGATE,
              file,
              lineOf(text, lone, line),
              "half of a surrogate pair, \\u%04x".formatted((int) text.charAt(lone))));
      sound = withoutLoneSurrogates(sound);
    }
    boolean kept = (nul < 0 && lone < 0) || policy == InvalidText.REPLACE;
    return kept ? sound : null;
  }

  /** Of a file that is one document the line is counted; a JSONL document lies in its own. */
  private static long lineOf(String text, int at, int line) {
    return line > 0 ? line : 1 + text.substring(0, at).chars().filter(c -> c == '\n').count();
  }

  private static int loneSurrogate(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        if (Character.isLowSurrogate(c)
            || i + 1 == text.length()
            || !Character.isLowSurrogate(text.charAt(i + 1))) {
          return i;
        }
        i++;
      }
    }
    return -1;
  }

  private static String withoutLoneSurrogates(String text) {
    StringBuilder whole = new StringBuilder(text.length());
    text.codePoints()
        .map(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE ? REPLACEMENT : c)
        .forEach(whole::appendCodePoint);
    return whole.toString();
  }

  /** Puts a text's tokens, encoded in pieces where it is long. */
  private void put(EncodedBatch batch, int file, int line, String text) {
    if (isBytes()) {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      batch.put(utf8, 0, utf8.length);
      return;
    }
    int from = 0;
    while (text.length() - from > PIECE) {
      Cut cut = nextCut(text, from);
      if (cut == null) {
        if (text.length() - from > MAX_UNCUT) {
          throw uncuttable(file, line);
        }
        break;
      }
      encode(batch, file, line, text.substring(from, cut.end()));
      from = cut.next();
    }
    encode(batch, file, line, from == 0 ? text : text.substring(from));
  }

  private @Nullable Cut nextCut(String text, int from) {
    int most = Math.min(text.length() - 1, from + MAX_UNCUT);
    for (int to = from + PIECE; to <= most; to += PIECE) {
      Cut cut = cutter().last(text, to - PIECE, to);
      if (cut != null) {
        return cut;
      }
    }
    return null;
  }

  static PlacedException uncuttable(int file, int line) {
    return new PlacedException(
        file,
        line,
        ("%,d characters without a place at which this tokenizer lets a text be cut, which is the"
                + " most; break the text into shorter documents, or into words or lines")
            .formatted(MAX_UNCUT),
        null);
  }

  private void encode(EncodedBatch batch, int file, int line, String text) {
    int[] ids;
    try {
      ids = tokenizer.encode(text);
    } catch (DataException e) {
      throw new PlacedException(file, line, String.valueOf(e.getMessage()), e);
    }
    for (int id : ids) {
      if (tokenizer.isSpecial(id)) {
        batch
            .problems()
            .add(
                new Problem(
                    ProblemKind.SPECIAL_TEXT,
                    file,
                    line,
                    "holds '%s'".formatted(tokenizer.decode(new int[] {id}))));
        break;
      }
    }
    batch.put(ids);
  }
}
