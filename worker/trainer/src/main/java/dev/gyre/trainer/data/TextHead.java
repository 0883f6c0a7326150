package dev.gyre.trainer.data;

import dev.gyre.partitioning.job.GitLfsPointer;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What a file's first bytes say it is. */
final class TextHead {
  /** Where a zero byte says "binary": git looks at as many. */
  static final int BYTES = 8000;

  private static final byte[] UTF8_MARK = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};

  /** Files with such names are meant to be text: what is none is refused, not passed over. */
  private static final Set<String> TEXT_NAMES =
      Set.of("txt", "text", "md", "jsonl", "ndjson", "json", "csv", "tsv", "html", "htm", "xml");

  private TextHead() {}

  /** Bytes of a UTF-8 byte order mark at the beginning: 3 or 0. It is no part of the text. */
  static int markBytes(byte[] head, int count) {
    return startsWith(head, count, UTF8_MARK) ? UTF8_MARK.length : 0;
  }

  /**
   * Why a file cannot be read as UTF-8 text; null if nothing in its first bytes speaks against it.
   *
   * @param file index of it, for the problem
   * @param head its first {@link #BYTES} bytes, or all
   * @param count bytes of {@code head}
   */
  static @Nullable Problem problem(int file, String name, byte[] head, int count) {
    if (GitLfsPointer.matches(Arrays.copyOf(head, Math.min(count, GitLfsPointer.BYTES)))) {
      return new Problem(ProblemKind.LFS_POINTER, file, 0, GitLfsPointer.PROBLEM);
    }
    String packed = compression(head, count);
    boolean zero = hasZero(head, count);
    if (packed != null) {
      return isTextName(name)
          ? new Problem(
              ProblemKind.COMPRESSED, file, 0, "is compressed (%s): unpack it".formatted(packed))
          : new Problem(ProblemKind.BINARY, file, 0, "is compressed (%s)".formatted(packed));
    }
    String encoding = encoding(head, count);
    if (encoding != null && (isTextName(name) || zero)) {
      return new Problem(
          ProblemKind.ENCODING,
          file,
          0,
          "is %s: convert it (iconv -f %s -t UTF-8)".formatted(encoding, encoding));
    }
    if (zero) {
      return isTextName(name)
          ? new Problem(ProblemKind.NUL, file, 0, "is a text with NUL characters")
          : new Problem(ProblemKind.BINARY, file, 0, "holds zero bytes");
    }
    return null;
  }

  private static boolean isTextName(String name) {
    int dot = name.lastIndexOf('.');
    return dot >= 0 && TEXT_NAMES.contains(name.substring(dot + 1).toLowerCase(Locale.ROOT));
  }

  private static boolean hasZero(byte[] head, int count) {
    for (int i = 0; i < Math.min(count, BYTES); i++) {
      if (head[i] == 0) {
        return true;
      }
    }
    return false;
  }

  /** By magic numbers that no UTF-8 text begins with, or hardly any. */
  private static @Nullable String compression(byte[] head, int count) {
    if (startsWith(head, count, 0x1F, 0x8B)) {
      return "gzip";
    }
    if (startsWith(head, count, 0x28, 0xB5, 0x2F, 0xFD)) {
      return "zstd";
    }
    if (startsWith(head, count, 0xFD, '7', 'z', 'X', 'Z', 0)) {
      return "xz";
    }
    if (startsWith(head, count, 'B', 'Z', 'h') && hasInvalid(head, count)) {
      return "bzip2";
    }
    return startsWith(head, count, 'P', 'K', 3, 4) ? "zip" : null;
  }

  private static boolean hasInvalid(byte[] head, int count) {
    int looked = Math.min(count, BYTES);
    // The last character may be cut by the end of what was looked at.
    int invalid = Utf8.firstInvalid(head, 0, looked);
    return invalid >= 0 && invalid < looked - 3;
  }

  /** By a byte order mark, or by where the zeros lie. */
  private static @Nullable String encoding(byte[] head, int count) {
    if (startsWith(head, count, 0xFF, 0xFE, 0, 0) || startsWith(head, count, 0, 0, 0xFE, 0xFF)) {
      return "UTF-32";
    }
    if (startsWith(head, count, 0xFF, 0xFE) || startsWith(head, count, 0xFE, 0xFF)) {
      return "UTF-16";
    }
    int looked = Math.min(count, BYTES) & ~3;
    int[] zeros = new int[4];
    for (int i = 0; i < looked; i++) {
      zeros[i & 3] += head[i] == 0 ? 1 : 0;
    }
    int units = looked / 4;
    if (units == 0) {
      return null;
    }
    // Of text in a Latin script nearly every character has zeros in the same bytes, others none.
    int most = units - units / 10;
    boolean[] full = new boolean[4];
    boolean[] bare = new boolean[4];
    for (int b = 0; b < 4; b++) {
      full[b] = zeros[b] >= Math.max(1, most);
      bare[b] = zeros[b] <= units / 10;
    }
    if (bare[0] && full[1] && full[2] && full[3]) {
      return "UTF-32LE";
    }
    if (full[0] && full[1] && full[2] && bare[3]) {
      return "UTF-32BE";
    }
    if (bare[0] && full[1] && bare[2] && full[3]) {
      return "UTF-16LE";
    }
    return full[0] && bare[1] && full[2] && bare[3] ? "UTF-16BE" : null;
  }

  private static boolean startsWith(byte[] head, int count, int... first) {
    for (int i = 0; i < first.length; i++) {
      if (i >= count || (head[i] & 0xFF) != first[i]) {
        return false;
      }
    }
    return true;
  }

  private static boolean startsWith(byte[] head, int count, byte[] first) {
    return count >= first.length
        && Arrays.mismatch(head, 0, first.length, first, 0, first.length) < 0;
  }
}
