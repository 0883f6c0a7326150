package dev.gyre.trainer.generate;

import dev.gyre.trainer.data.Tokenizer;
import java.util.Arrays;

/**
 * The text of tokens that come one by one after a prompt, in pieces of complete characters.
 *
 * <p>New tokens are decoded together with those before them: a decoder may drop the space before
 * its first token, and a character may be spread over tokens. What such a window decodes to beyond
 * its older part is new text. Source: incremental detokenization in vLLM.
 */
final class TextStream {
  /** What a decoder makes of bytes that are not yet, or never, a character. */
  private static final String INCOMPLETE = "\ufffd";

  private final Tokenizer tokenizer;
  private int[] tokens;
  private int count;
  private int windowStart;
  private int shown;

  /**
   * @param prompt its tokens, whose text is known
   */
  TextStream(Tokenizer tokenizer, int[] prompt) {
    this.tokenizer = tokenizer;
    this.tokens = Arrays.copyOf(prompt, prompt.length + 256);
    this.count = prompt.length;
    this.shown = prompt.length;
  }

  /** The text that a token completes; empty while a character is incomplete. */
  String next(int token) {
    if (count == tokens.length) {
      tokens = Arrays.copyOf(tokens, 2 * count);
    }
    tokens[count++] = token;
    String text = unseen();
    if (text.isEmpty() || text.endsWith(INCOMPLETE)) {
      return "";
    }
    windowStart = shown;
    shown = count;
    return text;
  }

  /** What was held back when no more tokens come. */
  String rest() {
    String text = unseen();
    shown = count;
    return text;
  }

  private String unseen() {
    String before = tokenizer.decode(Arrays.copyOfRange(tokens, windowStart, shown));
    String all = tokenizer.decode(Arrays.copyOfRange(tokens, windowStart, count));
    return all.substring(Math.min(before.length(), all.length()));
  }
}
