package dev.gyre.deploy.job;

import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.job.Key;
import dev.gyre.partitioning.job.NumberText;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/** A validated tree: typed values by name, with defaults filled in. */
final class JobValues {
  private final JobTree.Mapping tree;
  private final Key keys;
  private final String prefix;

  private JobValues(JobTree.Mapping tree, Key keys, String prefix) {
    this.tree = tree;
    this.keys = keys;
    this.prefix = prefix;
  }

  /** Checks that every key of the tree is known and that each value has the shape of its key. */
  static JobValues of(JobTree tree, Key keys) {
    if (!(tree instanceof JobTree.Mapping mapping)) {
      throw new JobFileException(tree.place() + ": the file must consist of keys and values");
    }
    new Check(keys).check(mapping, keys, "");
    return new JobValues(mapping, keys, "");
  }

  /**
   * Compares a tree with the declared keys.
   *
   * @param root of all keys, where those at a wrong place are looked for
   */
  private record Check(Key root) {
    private void check(JobTree.Mapping tree, Key section, String prefix) {
      tree.entries()
          .forEach(
              (name, value) -> {
                String path = prefix + name;
                String place = tree.keyPlaces().getOrDefault(name, tree.place());
                Key key = section.child(name);
                if (key == null) {
                  throw new JobFileException(
                      place + ": " + path + ": no such key" + suggestion(section, prefix, name));
                }
                check(value, key, path, place);
              });
    }

    private void check(JobTree value, Key key, String path, String place) {
      switch (key.type()) {
        case SECTION -> {
          // Empty is allowed: all keys below it may be commented out.
          if (!(value instanceof JobTree.Empty)) {
            keysBelow(value, key, path, place);
          }
        }
        case SECTIONS -> {
          if (!(value instanceof JobTree.Sequence list)) {
            throw shape(place, path, "must be a list, for example [{" + example(key) + "}]");
          }
          for (JobTree item : list.items()) {
            keysBelow(item, key, path, item.place());
          }
        }
        case INTEGER_OR_SECTIONS -> {
          if (value instanceof JobTree.Sequence list && !list.items().isEmpty()) {
            for (JobTree item : list.items()) {
              keysBelow(item, key, path, item.place());
            }
          } else if (!(value instanceof JobTree.Scalar)) {
            throw shape(
                place, path, "must be a whole number, or a list such as [{" + example(key) + "}]");
          }
        }
        case CHOICE_OR_EACH -> {
          if (value instanceof JobTree.Mapping m) {
            check(m, key, path + ".");
          } else if (!(value instanceof JobTree.Scalar)) {
            throw shape(place, path, "must be a single value, or keys such as " + example(key));
          }
        }
        case INTEGERS -> list(value, path, place, "[0, 2]");
        case TEXTS -> list(value, path, place, "[a, b]");
        case TEXT, CHOICE, INTEGER, NUMBER, SHARE, FLAG -> {
          if (value instanceof JobTree.Empty) {
            throw shape(
                place, path, "has no value; give one, or leave the key out for its default");
          }
          if (!(value instanceof JobTree.Scalar)) {
            throw shape(place, path, "must be a single value. " + key.doc());
          }
        }
      }
    }

    private void keysBelow(JobTree value, Key key, String path, String place) {
      if (!(value instanceof JobTree.Mapping m)) {
        throw shape(place, path, "must hold keys, for example " + example(key));
      }
      check(m, key, path + ".");
    }

    private static void list(JobTree value, String path, String place, String example) {
      if (!(value instanceof JobTree.Sequence)) {
        throw shape(place, path, "must be a list, for example " + example);
      }
    }

    private static JobFileException shape(String place, String path, String problem) {
      return new JobFileException(place + ": " + path + ": " + problem);
    }

    private static String example(Key section) {
      Key first = section.children().getFirst();
      return first.name() + ": " + (first.fallback() == null ? "…" : first.fallback());
    }

    private String suggestion(Key section, String prefix, String wrong) {
      String best = "";
      int bestDistance = Integer.MAX_VALUE;
      for (Key k : section.children()) {
        int d = Spelling.distance(wrong.toLowerCase(Locale.ROOT), k.name());
        if (d < bestDistance) {
          bestDistance = d;
          best = k.name();
        }
      }
      if (bestDistance <= Math.max(2, wrong.length() / 3)) {
        return "; did you mean " + prefix + best + "?";
      }
      @Nullable String elsewhere = find(root, "", wrong);
      if (elsewhere != null) {
        return "; did you mean " + elsewhere + "?";
      }
      List<String> names = section.children().stream().map(Key::name).toList();
      return "; the keys here are " + String.join(", ", names);
    }

    private static @Nullable String find(Key section, String prefix, String name) {
      for (Key k : section.children()) {
        if (k.name().equals(name)) {
          return prefix + name;
        }
        @Nullable String below = find(k, prefix + k.name() + ".", name);
        if (below != null) {
          return below;
        }
      }
      return null;
    }
  }

  /** A section of this one; empty if the file has none. */
  JobValues section(String name) {
    Key key = key(name);
    JobTree below = tree.entries().get(name);
    JobTree.Mapping m =
        below instanceof JobTree.Mapping there ? there : JobTree.Mapping.empty(tree.place());
    return new JobValues(m, key, prefix + name + ".");
  }

  List<JobValues> sections(String name) {
    Key key = key(name);
    List<JobValues> all = new ArrayList<>();
    if (tree.entries().get(name) instanceof JobTree.Sequence list) {
      for (JobTree item : list.items()) {
        all.add(new JobValues((JobTree.Mapping) item, key, prefix + name + "."));
      }
    }
    return all;
  }

  boolean has(String name) {
    return tree.entries().containsKey(name);
  }

  /** Names set in this section. */
  List<String> names() {
    return List.copyOf(tree.entries().keySet());
  }

  String place(String name) {
    return tree.keyPlaces().getOrDefault(name, tree.place());
  }

  /**
   * The value for a component of a record.
   *
   * @param type of the component
   */
  Object value(String name, Class<?> type) {
    return switch (key(name).type()) {
      case TEXT, CHOICE -> text(name);
      case INTEGER -> type == int.class ? (Object) count(name) : (Object) integer(name);
      case NUMBER -> number(name);
      case SHARE -> share(name);
      case FLAG -> flag(name);
      case INTEGERS -> integers(name);
      case TEXTS -> texts(name);
      case SECTION, SECTIONS, CHOICE_OR_EACH, INTEGER_OR_SECTIONS ->
          throw new IllegalStateException(prefix + name + " is not a single value");
    };
  }

  /** Whether there is such a key here. */
  boolean knows(String name) {
    return keys.child(name) != null;
  }

  /** Whether the value of this key is a list of sections. */
  boolean isList(String name) {
    return key(name).type() == Key.Type.SECTIONS;
  }

  String text(String name) {
    Key key = key(name);
    @Nullable String raw = raw(name, key);
    if (raw == null) {
      throw new JobFileException(tree.place() + ": " + prefix + name + " is missing: " + key.doc());
    }
    if (key.type() == Key.Type.CHOICE && !key.choices().contains(raw)) {
      throw bad(name, "'" + raw + "' must be one of " + String.join(", ", key.choices()));
    }
    return raw;
  }

  String text(String name, String fallback) {
    return has(name) ? text(name) : fallback;
  }

  long integer(String name) {
    return integer(name, text(name));
  }

  private long integer(String name, String raw) {
    NumberRange range = range(name);
    BigDecimal value = NumberText.decimal(raw);
    if (value == null) {
      throw bad(name, "'" + raw + "' is not a whole number; it must be " + range.text());
    }
    try {
      long whole = value.longValueExact();
      if (range.holds((double) whole)) {
        return whole;
      }
    } catch (ArithmeticException e) {
      if (Math.abs(value.doubleValue()) < 0x1p63) {
        throw bad(name, raw + " is not a whole number; it must be " + range.text());
      }
    }
    throw bad(name, range.problem(raw, value.doubleValue()));
  }

  /** A whole number that may have a unit: {@code 64GiB}, {@code 50G}. */
  long amount(String name) {
    String raw = text(name);
    NumberRange range = range(name);
    BigDecimal value = NumberText.amount(raw);
    if (value == null) {
      throw bad(
          name, "'" + raw + "' is not a number such as 64GiB or 50e9; it must be " + range.text());
    }
    if (!range.holds(value.doubleValue())) {
      throw bad(name, range.problem(raw, value.doubleValue()));
    }
    return value.longValue();
  }

  /** An integer whose range fits 32 bits. */
  int count(String name) {
    return Math.toIntExact(integer(name));
  }

  int count(String name, int fallback) {
    return has(name) ? count(name) : fallback;
  }

  double number(String name) {
    String raw = text(name);
    return inRange(name, raw, NumberText.real(raw), "a number");
  }

  double share(String name) {
    String raw = text(name);
    return inRange(name, raw, NumberText.share(raw), "a share such as 5% or 0.05");
  }

  private double inRange(String name, String raw, OptionalDouble value, String kind) {
    NumberRange range = range(name);
    if (value.isEmpty()) {
      throw bad(name, "'" + raw + "' is not " + kind + "; it must be " + range.text());
    }
    if (!range.holds(value.getAsDouble())) {
      throw bad(name, range.problem(raw, value.getAsDouble()));
    }
    return value.getAsDouble();
  }

  boolean flag(String name) {
    String raw = text(name);
    return switch (raw) {
      case "true" -> true;
      case "false" -> false;
      default -> throw bad(name, "'" + raw + "' must be true or false");
    };
  }

  List<Integer> integers(String name) {
    List<Integer> all = new ArrayList<>();
    for (String item : texts(name)) {
      all.add(Math.toIntExact(integer(name, item)));
    }
    return all;
  }

  List<String> texts(String name) {
    List<String> all = new ArrayList<>();
    if (tree.entries().get(name) instanceof JobTree.Sequence list) {
      for (JobTree item : list.items()) {
        if (!(item instanceof JobTree.Scalar text)) {
          throw bad(name, "every item of the list must be a single value");
        }
        all.add(text.text());
      }
    }
    return all;
  }

  JobFileException bad(String name, String problem) {
    return new JobFileException(place(name) + ": " + prefix + name + ": " + problem);
  }

  private @Nullable String raw(String name, Key key) {
    return tree.entries().get(name) instanceof JobTree.Scalar s ? s.text() : key.fallback();
  }

  private NumberRange range(String name) {
    return Objects.requireNonNull(key(name).range(), name);
  }

  private Key key(String name) {
    Key key = keys.child(name);
    if (key == null) {
      throw new IllegalStateException("the job keys have no " + prefix + name);
    }
    return key;
  }
}
