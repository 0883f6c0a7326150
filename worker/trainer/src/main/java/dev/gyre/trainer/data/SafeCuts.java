package dev.gyre.trainer.data;

import dev.gyre.trainer.data.RustTokenizer.Words;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Finds cuts for a tokenizer that is known only by what it does.
 *
 * <p>A candidate is a place where classes of characters change: a single space between two words,
 * the character after a single line end, a mark after a letter. It is taken if, in the text around
 * it, (1) the ids of both sides one after another are the ids of the whole, so that nothing is
 * added or stripped at a cut, and (2) no token can reach across it: the pre-tokenizer begins a word
 * there wherever the text around begins, or the vocabulary has no piece that could. Pre-tokenizers
 * scan from left to right and look ahead a character, so that what holds near the cut holds for the
 * whole text.
 */
final class SafeCuts implements TextCutter {
  /** Characters on each side in which a candidate is tried. */
  private static final int CONTEXT = 128;

  /** Candidates tried in a search: where so many fail the others will. */
  private static final int TRIES = 24;

  private static final String LEFT = "the quick brown fox jumps";
  private static final String RIGHT = "over the lazy dog";

  private enum Kind {
    BEFORE_SPACE(LEFT + " " + RIGHT),
    /** For a tokenizer that puts a space before every text. */
    IN_SPACE(LEFT + " " + RIGHT),
    AFTER_LINE(LEFT + "\n" + RIGHT),
    BETWEEN_CLASSES(LEFT + "," + RIGHT);

    private final String sample;

    Kind(String sample) {
      this.sample = sample;
    }

    Cut sampleCut() {
      return cut(LEFT.length() + (this == AFTER_LINE ? 1 : 0));
    }

    Cut cut(int at) {
      return new Cut(at, this == IN_SPACE ? at + 1 : at);
    }
  }

  /** Whether a space after a character begins a token, whatever stands around. */
  interface SpaceRule {
    boolean spaceBeginsToken(char before);
  }

  private final Function<String, Words> encoder;
  private final SpaceRule spaces;
  private @Nullable Set<Kind> kinds;

  /**
   * @param encoder ids and words of a text
   * @param spaces what the vocabulary says
   */
  SafeCuts(Function<String, Words> encoder, SpaceRule spaces) {
    this.encoder = encoder;
    this.spaces = spaces;
  }

  @Override
  public @Nullable Cut last(String text, int from, int to) {
    Set<Kind> usable = kinds();
    EnumSet<Kind> likely = EnumSet.copyOf(usable.isEmpty() ? EnumSet.noneOf(Kind.class) : usable);
    likely.remove(Kind.BETWEEN_CLASSES);
    Cut cut = last(text, from, to, likely);
    return cut == null && usable.contains(Kind.BETWEEN_CLASSES)
        ? last(text, from, to, EnumSet.of(Kind.BETWEEN_CLASSES))
        : cut;
  }

  private @Nullable Cut last(String text, int from, int to, Set<Kind> usable) {
    int tries = 0;
    for (int at = to; at > from; at--) {
      for (Kind kind : usable) {
        if (isCandidate(kind, text, at)) {
          Cut cut = kind.cut(at);
          if (isSafe(text, cut)) {
            return cut;
          }
          if (++tries == TRIES) {
            return null;
          }
        }
      }
    }
    return null;
  }

  /** The kinds that work in a plain sentence; those of which that cannot be said are kept. */
  private synchronized Set<Kind> kinds() {
    Set<Kind> known = kinds;
    if (known == null) {
      known = EnumSet.noneOf(Kind.class);
      for (Kind kind : Kind.values()) {
        if (works(kind)) {
          known.add(kind);
        }
      }
      kinds = known;
    }
    return known;
  }

  private boolean works(Kind kind) {
    try {
      return isSafe(kind.sample, kind.sampleCut());
    } catch (DataException _) {
      return true; // the sample's words are unknown to it
    }
  }

  private static boolean isCandidate(Kind kind, String text, int at) {
    if (at < 2 || at + 2 > text.length()) {
      return false;
    }
    char before = text.charAt(at - 1);
    char here = text.charAt(at);
    return switch (kind) {
      case BEFORE_SPACE, IN_SPACE -> here == ' ' && isInk(before) && isInk(text.charAt(at + 1));
      case AFTER_LINE -> before == '\n' && isInk(text.charAt(at - 2)) && isInk(here);
      case BETWEEN_CLASSES ->
          Character.isLetter(before)
              && isInk(here)
              && !Character.isLetter(here)
              && !Character.isSurrogate(here)
              && here != '\''
              && here != '\u2019';
    };
  }

  /** Neither white space nor a mark that joins the character before it. */
  private static boolean isInk(char c) {
    return switch (Character.getType(c)) {
      case Character.SPACE_SEPARATOR,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.CONTROL,
          Character.FORMAT,
          Character.NON_SPACING_MARK,
          Character.ENCLOSING_MARK,
          Character.COMBINING_SPACING_MARK ->
          false;
      default -> true;
    };
  }

  private boolean isSafe(String text, Cut cut) {
    // From two beginnings: what splits by counting characters would split elsewhere.
    return isSafe(text, cut, CONTEXT) && isSafe(text, cut, CONTEXT - 1);
  }

  private boolean isSafe(String text, Cut cut, int context) {
    int begin = whole(text, Math.max(0, cut.end() - context));
    int stop = whole(text, Math.min(text.length(), cut.next() + context));
    Words both = encoder.apply(text.substring(begin, stop));
    long[] left = encoder.apply(text.substring(begin, cut.end())).ids();
    long[] right = encoder.apply(text.substring(cut.next(), stop)).ids();
    long[] ids = both.ids();
    int n = left.length;
    boolean same =
        n > 0
            && right.length > 0
            && n + right.length == ids.length
            && Arrays.equals(left, 0, n, ids, 0, n)
            && Arrays.equals(right, 0, right.length, ids, n, ids.length);
    if (!same) {
      return false;
    }
    return both.words()[n - 1] != both.words()[n]
        || (text.charAt(cut.end()) == ' ' && spaces.spaceBeginsToken(text.charAt(cut.end() - 1)));
  }

  /** Moves a place out of the middle of a character of two. */
  private static int whole(String text, int at) {
    return at < text.length() && Character.isLowSurrogate(text.charAt(at)) ? at - 1 : at;
  }
}
