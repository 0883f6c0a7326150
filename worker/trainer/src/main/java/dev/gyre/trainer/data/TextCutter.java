package dev.gyre.trainer.data;

import org.jspecify.annotations.Nullable;

/**
 * Finds places at which a text can be cut so that the tokens of its pieces, one after another, are
 * the tokens of the whole. Safe to use from several threads.
 */
interface TextCutter {
  /** Never finds one. */
  TextCutter NEVER = (_, _, _) -> null;

  /** Between any two characters. */
  TextCutter ANYWHERE =
      (text, from, to) -> {
        int at = Character.isLowSurrogate(text.charAt(to)) ? to - 1 : to;
        return at > from ? new Cut(at, at) : null;
      };

  /**
   * A place to cut.
   *
   * @param end of the piece before it
   * @param next where the piece after it begins; what lies between, a space at most, is left out,
   *     as the tokenizer puts it back
   */
  record Cut(int end, int next) {}

  /**
   * The last place found in {@code (from, to]}; null if none was.
   *
   * @param text which goes on after {@code to}
   */
  @Nullable Cut last(String text, int from, int to);
}
