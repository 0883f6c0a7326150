package dev.gyre.deploy.job;

import dev.gyre.partitioning.check.NumberRange;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One key of the job file.
 *
 * @param name as written in the file
 * @param fallback the default as it would be written; null if there is none, or if it follows from
 *     other keys (the doc says how)
 * @param children keys below it, for {@link Type#SECTION}, {@link Type#SECTIONS}, {@link
 *     Type#CHOICE_OR_EACH} and {@link Type#INTEGER_OR_SECTIONS}
 * @param choices the allowed texts, for {@link Type#CHOICE} and {@link Type#CHOICE_OR_EACH}
 * @param range the allowed numbers, for the numeric types; null for the others
 * @param former name in earlier versions; null if it is the same or the key is new
 */
record Key(
    String name,
    Type type,
    @Nullable String fallback,
    String doc,
    List<Key> children,
    List<String> choices,
    @Nullable NumberRange range,
    @Nullable Former former) {

  /**
   * A key of earlier versions, still read, with a hint.
   *
   * @param values new values of renamed values
   */
  record Former(String name, Map<String, String> values) {
    Former {
      values = Map.copyOf(values);
    }
  }

  enum Type {
    SECTION,
    /** A list of sections. */
    SECTIONS,
    TEXT,
    CHOICE,
    /** A choice for all, or a section with one for each. */
    CHOICE_OR_EACH,
    INTEGER,
    /** One integer, or a list of sections. */
    INTEGER_OR_SECTIONS,
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
    return new Key(name, Type.SECTION, null, doc, List.of(children), List.of(), null, null);
  }

  static Key sections(String name, String doc, Key... children) {
    return new Key(name, Type.SECTIONS, null, doc, List.of(children), List.of(), null, null);
  }

  static Key value(String name, Type type, @Nullable String fallback, String doc) {
    return new Key(name, type, fallback, doc, List.of(), List.of(), null, null);
  }

  /** A number; the kind of its range is its type. */
  static Key number(String name, @Nullable String fallback, NumberRange range, String doc) {
    Type type =
        switch (range.kind()) {
          case WHOLE -> Type.INTEGER;
          case REAL -> Type.NUMBER;
          case SHARE -> Type.SHARE;
        };
    return new Key(name, type, fallback, doc, List.of(), List.of(), range, null);
  }

  static Key integerOrSections(
      String name, String fallback, NumberRange range, String doc, Key... children) {
    return new Key(
        name, Type.INTEGER_OR_SECTIONS, fallback, doc, List.of(children), List.of(), range, null);
  }

  static Key integers(String name, NumberRange range, String doc) {
    return new Key(name, Type.INTEGERS, "[]", doc, List.of(), List.of(), range, null);
  }

  static Key choice(String name, String fallback, String doc, List<String> choices) {
    return new Key(name, Type.CHOICE, fallback, doc, List.of(), choices, null, null);
  }

  static Key choiceOrEach(
      String name, String fallback, String doc, List<String> choices, List<String> each) {
    List<Key> children = each.stream().map(one -> choice(one, fallback, doc, choices)).toList();
    return new Key(name, Type.CHOICE_OR_EACH, fallback, doc, children, choices, null, null);
  }

  /** The same key with its former name. */
  Key formerly(String formerName, Map<String, String> values) {
    return new Key(
        name, type, fallback, doc, children, choices, range, new Former(formerName, values));
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

  /** Allowed values, as text for messages; empty if any text is allowed. */
  String allowed() {
    if (range != null) {
      return range.text();
    }
    return type == Type.FLAG ? "true, false" : String.join(", ", choices);
  }
}
