package dev.gyre.partitioning.job;

import dev.gyre.partitioning.check.NumberRange;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The declaration of one key of the job file. The reader, the JSON Schema, the check of the
 * documentation, a resume's comparison and the reading of former runs all follow from it.
 *
 * <p>A record holds the value in the component of the same name: {@code offload-folder} in {@code
 * offloadFolder}. See {@link KeyValue}.
 *
 * @param name as written in the file
 * @param fallback the default as it would be written; null if there is none, or if it follows from
 *     other keys (the doc says how)
 * @param children keys below it, for {@link Type#SECTION}, {@link Type#SECTIONS}, {@link
 *     Type#CHOICE_OR_EACH} and {@link Type#INTEGER_OR_SECTIONS}
 * @param choices the allowed texts, for {@link Type#CHOICE} and {@link Type#CHOICE_OR_EACH}
 * @param range the allowed numbers, for the numeric types; null for the others
 * @param former name in earlier versions; null if it is the same or the key is new
 * @param effect null for a section, whose keys have their own
 * @param open for a key that the plan has a field for: the value that leaves the choice to the
 *     plan, empty if no value does; null for the other keys
 * @param unstated the value that describes what a run did whose files lack the key, because its
 *     build did not know it; null if the files of every run have it
 */
public record Key(
    String name,
    Type type,
    @Nullable String fallback,
    String doc,
    List<Key> children,
    List<String> choices,
    @Nullable NumberRange range,
    @Nullable Former former,
    @Nullable Effect effect,
    @Nullable String open,
    @Nullable String unstated) {

  /**
   * A key of earlier versions, still read, with a hint.
   *
   * @param values new values of renamed values
   */
  public record Former(String name, Map<String, String> values) {
    public Former {
      values = Map.copyOf(values);
    }
  }

  public enum Type {
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

  public Key {
    children = List.copyOf(children);
    choices = List.copyOf(choices);
  }

  private static Key of(
      String name,
      Type type,
      @Nullable String fallback,
      String doc,
      List<Key> children,
      List<String> choices,
      @Nullable NumberRange range) {
    return new Key(name, type, fallback, doc, children, choices, range, null, null, null, fallback);
  }

  /**
   * @param children keys; of a section without a name, its keys take its place
   */
  public static Key section(String name, String doc, Key... children) {
    List<Key> all = new ArrayList<>();
    for (Key child : children) {
      all.addAll(child.name.isEmpty() ? child.children : List.of(child));
    }
    return of(name, Type.SECTION, null, doc, all, List.of(), null);
  }

  public static Key sections(String name, String doc, Key... children) {
    return of(name, Type.SECTIONS, null, doc, List.of(children), List.of(), null);
  }

  public static Key text(String name, @Nullable String fallback, String doc) {
    return value(name, Type.TEXT, fallback, doc);
  }

  public static Key value(String name, Type type, @Nullable String fallback, String doc) {
    return of(name, type, fallback, doc, List.of(), List.of(), null);
  }

  /** A number; the kind of its range is its type. */
  public static Key number(String name, @Nullable String fallback, NumberRange range, String doc) {
    Type type =
        switch (range.kind()) {
          case WHOLE -> Type.INTEGER;
          case REAL -> Type.NUMBER;
          case SHARE -> Type.SHARE;
        };
    return of(name, type, fallback, doc, List.of(), List.of(), range);
  }

  public static Key integerOrSections(
      String name, String fallback, NumberRange range, String doc, Key... children) {
    return of(name, Type.INTEGER_OR_SECTIONS, fallback, doc, List.of(children), List.of(), range);
  }

  public static Key integers(String name, NumberRange range, String doc) {
    return of(name, Type.INTEGERS, "[]", doc, List.of(), List.of(), range);
  }

  public static Key choice(String name, String fallback, String doc, List<String> choices) {
    return of(name, Type.CHOICE, fallback, doc, List.of(), choices, null);
  }

  public static Key choiceOrEach(
      String name, String fallback, String doc, List<String> choices, List<String> each) {
    List<Key> children = each.stream().map(one -> choice(one, fallback, doc, choices)).toList();
    return of(name, Type.CHOICE_OR_EACH, fallback, doc, children, choices, null);
  }

  /** The same key with its former name. */
  public Key formerly(String formerName, Map<String, String> values) {
    return copy(children, new Former(formerName, values), effect, open, unstated);
  }

  /** The same key with its effect; of a section, its keys that have none of their own. */
  public Key changes(Effect what) {
    List<Key> below = children.stream().map(k -> k.effect == null ? k.changes(what) : k).toList();
    return copy(below, former, isSection() ? null : what, open, unstated);
  }

  /**
   * The same key, for which the plan has a field.
   *
   * @param openValue the value that leaves the choice to the plan; empty if there is none
   */
  public Key planned(String openValue) {
    return copy(children, former, effect, openValue, unstated);
  }

  /** The same key, of which runs from before it had another value than its default. */
  public Key before(String value) {
    return copy(children, former, effect, open, value);
  }

  /** The same key, which the files of every run have: without it they are damaged. */
  public Key original() {
    return copy(children, former, effect, open, null);
  }

  /** The same section with another child in the place of the one of its name. */
  public Key replacing(Key child) {
    List<Key> all = children.stream().map(k -> k.name.equals(child.name) ? child : k).toList();
    return copy(all, former, effect, open, unstated);
  }

  private Key copy(
      List<Key> newChildren,
      @Nullable Former newFormer,
      @Nullable Effect newEffect,
      @Nullable String newOpen,
      @Nullable String newUnstated) {
    return new Key(
        name,
        type,
        fallback,
        doc,
        newChildren,
        choices,
        range,
        newFormer,
        newEffect,
        newOpen,
        newUnstated);
  }

  public boolean isSection() {
    return type == Type.SECTION || type == Type.SECTIONS;
  }

  /** The child of this name, or null. */
  public @Nullable Key child(String childName) {
    for (Key k : children) {
      if (k.name.equals(childName)) {
        return k;
      }
    }
    return null;
  }

  /**
   * The key of a path, or null.
   *
   * @param path dotted, from this section; items of lists as {@code [0]}
   */
  public @Nullable Key at(String path) {
    Key key = this;
    for (String part : path.split("\\.", -1)) {
      key = key == null ? null : key.child(part.replaceFirst("\\[\\d*]$", ""));
    }
    return key;
  }

  /** Allowed values, as text for messages; empty if any text is allowed. */
  public String allowed() {
    if (range != null) {
      return range.text();
    }
    return type == Type.FLAG ? "true, false" : String.join(", ", choices);
  }

  /**
   * The value of a text that is as this declaration writes its default.
   *
   * @return a {@link String}, {@link Long}, {@link Double}, {@link Boolean} or empty {@link List}
   */
  public Object parse(String text) {
    return switch (type) {
      case TEXT, CHOICE, CHOICE_OR_EACH -> text;
      case INTEGER, INTEGER_OR_SECTIONS ->
          Objects.requireNonNull(NumberText.decimal(text), name).longValueExact();
      case NUMBER -> NumberText.real(text).orElseThrow();
      case SHARE -> NumberText.share(text).orElseThrow();
      case FLAG -> Boolean.valueOf(text);
      case INTEGERS, TEXTS, SECTIONS -> List.of();
      case SECTION -> throw new IllegalStateException(name + " has keys, not a value");
    };
  }
}
