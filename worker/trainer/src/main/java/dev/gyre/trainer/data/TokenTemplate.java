package dev.gyre.trainer.data;

/**
 * Tokens around a document.
 *
 * @param before ids before the text
 * @param after ids behind it
 * @param shown as text for messages, for example {@code <s> TEXT}
 */
public record TokenTemplate(int[] before, int[] after, String shown) {
  static final TokenTemplate NONE = new TokenTemplate(new int[0], new int[0], "TEXT");

  /** Whether it adds nothing. */
  public boolean isEmpty() {
    return before.length == 0 && after.length == 0;
  }
}
