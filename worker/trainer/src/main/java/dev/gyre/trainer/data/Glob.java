package dev.gyre.trainer.data;

import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Shell patterns over names with {@code /} between folders: {@code *} and {@code ?} stay inside a
 * folder, {@code **} crosses folders, {@code **}{@code /} also matches no folder at all, and there
 * are {@code [a-z]} and <code>{a,b}</code>. The JDK's own globs require a folder for {@code
 * **}{@code /}, and do not match names inside zip files.
 */
final class Glob {
  private final Pattern pattern;

  private Glob(Pattern pattern) {
    this.pattern = pattern;
  }

  /**
   * @param glob empty matches everything
   * @throws DataException if brackets or braces do not close
   */
  static Glob of(String glob) {
    if (glob.isEmpty()) {
      return new Glob(Pattern.compile(".*", Pattern.DOTALL));
    }
    StringBuilder regex = new StringBuilder();
    int braces = 0;
    for (int i = 0; i < glob.length(); i++) {
      char c = glob.charAt(i);
      switch (c) {
        case '*' -> {
          if (glob.startsWith("**/", i)) {
            regex.append("(?:.*/)?");
            i += 2;
          } else if (glob.startsWith("**", i)) {
            regex.append(".*");
            i++;
          } else {
            regex.append("[^/]*");
          }
        }
        case '?' -> regex.append("[^/]");
        case '[' -> {
          int end = glob.indexOf(']', i + 2);
          if (end < 0) {
            throw new DataException("glob '" + glob + "': '[' at " + i + " is never closed by ']'");
          }
          String inside = glob.substring(i + 1, end).replace("\\", "\\\\");
          regex.append('[').append(inside.startsWith("!") ? "^" + inside.substring(1) : inside);
          regex.append(']');
          i = end;
        }
        case '{' -> {
          regex.append("(?:");
          braces++;
        }
        case '}' -> {
          regex.append(')');
          braces--;
        }
        case ',' -> regex.append(braces > 0 ? "|" : ",");
        default -> regex.append(Pattern.quote(String.valueOf(c)));
      }
    }
    try {
      return new Glob(Pattern.compile(regex.toString(), Pattern.DOTALL));
    } catch (PatternSyntaxException e) {
      throw new DataException("glob '" + glob + "' cannot be read: " + e.getDescription(), e);
    }
  }

  boolean matches(String name) {
    return pattern.matcher(name).matches();
  }

  /** Index of the first character with a special meaning, or -1. */
  static int firstWildcard(String path) {
    for (int i = 0; i < path.length(); i++) {
      if ("*?[{".indexOf(path.charAt(i)) >= 0) {
        return i;
      }
    }
    return -1;
  }
}
