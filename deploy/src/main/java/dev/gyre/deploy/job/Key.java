package dev.gyre.deploy.job;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One key of the job file.
 *
 * @param name as written in the file
 * @param fallback the default as it would be written; null where there is none, or where it follows
 *     from other keys (the doc says how)
 * @param children keys below it, for {@link Type#SECTION}, {@link Type#SECTIONS} and {@link
 *     Type#CHOICE_OR_EACH}
 * @param choices the allowed texts, for {@link Type#CHOICE} and {@link Type#CHOICE_OR_EACH}
 */
record Key(
    String name,
    Type type,
    @Nullable String fallback,
    String doc,
    List<Key> children,
    List<String> choices) {

  enum Type {
    SECTION,
    /** A list of sections. */
    SECTIONS,
    TEXT,
    CHOICE,
    /** A choice for all, or a section with one for each. */
    CHOICE_OR_EACH,
    INTEGER,
    NUMBER,
    /** A share: {@code 5%} or {@code 0.05}. */
    SHARE,
    FLAG,
    /** A list of integers. */
    INTEGERS,
    /** A list of texts. */
    TEXTS
  }

  static Key section(String name, String doc, Key... children) {
    return new Key(name, Type.SECTION, null, doc, List.of(children), List.of());
  }

  static Key sections(String name, String doc, Key... children) {
    return new Key(name, Type.SECTIONS, null, doc, List.of(children), List.of());
  }

  static Key value(String name, Type type, @Nullable String fallback, String doc) {
    return new Key(name, type, fallback, doc, List.of(), List.of());
  }

  static Key choice(String name, String fallback, String doc, String... choices) {
    return new Key(name, Type.CHOICE, fallback, doc, List.of(), List.of(choices));
  }

  static Key choiceOrEach(
      String name, String fallback, String doc, List<String> choices, List<String> each) {
    List<Key> children =
        each.stream()
            .map(one -> new Key(one, Type.CHOICE, fallback, doc, List.of(), choices))
            .toList();
    return new Key(name, Type.CHOICE_OR_EACH, fallback, doc, children, choices);
  }

  /** The child of this name, or null. */
  @Nullable Key child(String childName) {
    for (Key k : children) {
      if (k.name.equals(childName)) {
        return k;
      }
    }
    return null;
  }
}
