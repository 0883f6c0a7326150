package dev.gyre.deploy.console;

/**
 * Columns that text takes on a terminal: 2 for East Asian wide characters and emoji, 0 for
 * combining marks. Source: Unicode Standard Annex 11, its wide ranges.
 */
final class TextWidth {
  /** First and last code points of the wide ranges, ascending. */
  private static final int[] WIDE = {
    0x1100, 0x115F, 0x231A, 0x231B, 0x2329, 0x232A, 0x2E80, 0x303E, 0x3041, 0x4DBF, 0x4E00, 0xA4CF,
    0xA960, 0xA97F, 0xAC00, 0xD7A3, 0xF900, 0xFAFF, 0xFE30, 0xFE6F, 0xFF00, 0xFF60, 0xFFE0, 0xFFE6,
    0x1F300, 0x1F64F, 0x1F680, 0x1F6FF, 0x1F900, 0x1F9FF, 0x20000, 0x3FFFD
  };

  private TextWidth() {}

  static int of(String text) {
    return text.codePoints().map(TextWidth::of).sum();
  }

  /** The beginning of a text, at most {@code columns} wide. */
  static String cut(String text, int columns) {
    int used = 0;
    int at = 0;
    while (at < text.length()) {
      int codePoint = text.codePointAt(at);
      used += of(codePoint);
      if (used > columns) {
        return text.substring(0, at);
      }
      at += Character.charCount(codePoint);
    }
    return text;
  }

  private static int of(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.FORMAT -> 0;
      default -> isWide(codePoint) ? 2 : 1;
    };
  }

  private static boolean isWide(int codePoint) {
    for (int i = 0; i < WIDE.length; i += 2) {
      if (codePoint <= WIDE[i + 1]) {
        return codePoint >= WIDE[i];
      }
    }
    return false;
  }
}
