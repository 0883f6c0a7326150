package dev.gyre.trainer.data;

/** What {@code dataset.invalid-text} says about text that cannot be used as it is. */
enum InvalidText {
  /** The data is refused; the rest is still looked through, so that the message is complete. */
  ERROR,
  /** Characters that are not text become U+FFFD; what cannot be repaired is left out. */
  REPLACE,
  /** The document, or the file, is left out. */
  SKIP;

  static InvalidText of(String key) {
    return switch (key) {
      case "error" -> ERROR;
      case "replace" -> REPLACE;
      case "skip" -> SKIP;
      default -> throw new DataException("dataset.invalid-text: '" + key + "' is unknown");
    };
  }

  boolean repairs(ProblemKind kind) {
    return this == REPLACE && kind.repairable();
  }
}
