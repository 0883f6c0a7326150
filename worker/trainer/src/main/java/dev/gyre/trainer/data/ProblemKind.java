package dev.gyre.trainer.data;

/** Why a document, or a whole file, cannot be used as it is. */
public enum ProblemKind {
  NOT_UTF8("not UTF-8", Remedy.REPAIR),
  SURROGATE("half of a surrogate pair", Remedy.REPAIR),
  NUL("a NUL character", Remedy.REPAIR),
  DUPLICATE_KEY("the text's key twice", Remedy.REPAIR),
  NOT_JSON("not a JSON object", Remedy.LEAVE_OUT),
  NO_TEXT("no text under the source's field", Remedy.LEAVE_OUT),
  LINE_TOO_LONG("a JSON line that is too long", Remedy.LEAVE_OUT),
  ENCODING("another encoding than UTF-8", Remedy.LEAVE_OUT),
  COMPRESSED("a compressed file", Remedy.LEAVE_OUT),
  LFS_POINTER("a Git LFS pointer", Remedy.LEAVE_OUT),
  /** A document without text: nothing is lost without it. */
  EMPTY("empty", Remedy.NOT_NEEDED),
  /** A file with zero bytes whose name is not that of a text file, as an image beside sources. */
  BINARY("binary", Remedy.NOT_NEEDED),
  /** A special token's text, such as {@code </s>}, that became the token. */
  SPECIAL_TEXT("a special token's text became the token", Remedy.KEEP);

  private enum Remedy {
    REPAIR,
    LEAVE_OUT,
    NOT_NEEDED,
    KEEP
  }

  private final String words;
  private final Remedy remedy;

  ProblemKind(String words, Remedy remedy) {
    this.words = words;
    this.remedy = remedy;
  }

  /** Whether {@code invalid-text: replace} keeps the document; else it is left out. */
  boolean repairable() {
    return remedy == Remedy.REPAIR;
  }

  /** Whether {@code invalid-text: error} refuses the data. */
  boolean refused() {
    return remedy == Remedy.REPAIR || remedy == Remedy.LEAVE_OUT;
  }

  /** How such a document was handled, as text for messages. */
  String fate(InvalidText policy) {
    return switch (remedy) {
      case REPAIR -> policy == InvalidText.REPLACE ? "repaired" : "left out";
      case LEAVE_OUT, NOT_NEEDED -> "left out";
      case KEEP -> "kept";
    };
  }

  /** Text for messages, after a number of documents. */
  String words() {
    return words;
  }
}
