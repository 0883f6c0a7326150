package dev.gyre.deploy.job;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** A tree that has been held against the keys: typed values by dotted path, defaults filled in. */
final class JobValues {
  private final JobTree.Mapping tree;
  private final Key keys;
  private final String prefix;

  private JobValues(JobTree.Mapping tree, Key keys, String prefix) {
    this.tree = tree;
    this.keys = keys;
    this.prefix = prefix;
  }

  /** Checks every key of the tree, and that each value has its key's shape. */
  static JobValues of(JobTree tree, Key keys) {
    if (!(tree instanceof JobTree.Mapping mapping)) {
      throw new JobFileException(tree.place() + ": a job is a set of keys");
    }
    check(mapping, keys, "");
    return new JobValues(mapping, keys, "");
  }

  private static void check(JobTree.Mapping tree, Key section, String prefix) {
    for (String name : tree.entries().keySet()) {
      String path = prefix + name;
      String place = tree.keyPlaces().getOrDefault(name, tree.place());
      Key key = section.child(name);
      if (key == null) {
        throw new JobFileException(
            place + ": " + path + ": no such key" + suggestion(section, prefix, name));
      }
      JobTree value = tree.entries().get(name);
      switch (key.type()) {
        case SECTION -> {
          if (!(value instanceof JobTree.Mapping m)) {
            throw new JobFileException(
                place + ": " + path + " holds keys, such as " + example(key));
          }
          check(m, key, path + ".");
        }
        case SECTIONS -> {
          if (!(value instanceof JobTree.Sequence list)) {
            throw new JobFileException(
                place + ": " + path + " is a list, such as [{" + example(key) + "}]");
          }
          for (JobTree item : list.items()) {
            if (!(item instanceof JobTree.Mapping m)) {
              throw new JobFileException(
                  item.place() + ": " + path + " holds keys, such as " + example(key));
            }
            check(m, key, path + ".");
          }
        }
        case CHOICE_OR_EACH -> {
          if (value instanceof JobTree.Mapping m) {
            check(m, key, path + ".");
          } else if (!(value instanceof JobTree.Scalar)) {
            throw new JobFileException(
                place + ": " + path + " is a single value, or keys such as " + example(key));
          }
        }
        case INTEGERS -> {
          if (!(value instanceof JobTree.Sequence)) {
            throw new JobFileException(place + ": " + path + " is a list, such as [0, 2]");
          }
        }
        case TEXTS -> {
          if (!(value instanceof JobTree.Sequence)) {
            throw new JobFileException(place + ": " + path + " is a list of names");
          }
        }
        case TEXT, CHOICE, INTEGER, NUMBER, SHARE, FLAG -> {
          if (!(value instanceof JobTree.Scalar)) {
            throw new JobFileException(place + ": " + path + " is a single value: " + key.doc());
          }
        }
      }
    }
  }

  private static String example(Key section) {
    Key first = section.children().getFirst();
    return first.name() + ": " + (first.fallback() == null ? "…" : first.fallback());
  }

  private static String suggestion(Key section, String prefix, String wrong) {
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
    @Nullable String elsewhere = find(JobKeys.ROOT, "", wrong);
    if (elsewhere != null) {
      return "; did you mean " + elsewhere + "?";
    }
    List<String> names = section.children().stream().map(Key::name).toList();
    return "; there are " + String.join(", ", names);
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
    String raw = text(name);
    try {
      return Long.parseLong(raw.replace("_", "").replace(",", ""));
    } catch (NumberFormatException e) {
      throw bad(name, "'" + raw + "' is not a whole number");
    }
  }

  int count(String name) {
    long value = integer(name);
    if (value != (int) value) {
      throw bad(name, value + " is too large; the limit is " + Integer.MAX_VALUE);
    }
    return (int) value;
  }

  int count(String name, int fallback) {
    return has(name) ? count(name) : fallback;
  }

  double number(String name) {
    String raw = text(name);
    try {
      double value = Double.parseDouble(raw);
      if (Double.isFinite(value)) {
        return value;
      }
    } catch (NumberFormatException e) {
      // said below, as for infinities
    }
    throw bad(name, "'" + raw + "' is not a number");
  }

  double share(String name) {
    String raw = text(name);
    boolean percent = raw.endsWith("%");
    try {
      double value = Double.parseDouble(percent ? raw.substring(0, raw.length() - 1) : raw);
      if (value >= 0 && value <= (percent ? 100 : 1)) {
        return percent ? value / 100 : value;
      }
    } catch (NumberFormatException e) {
      // said below
    }
    throw bad(name, "'" + raw + "' is not a share; write 5% or 0.05");
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
    if (tree.entries().get(name) instanceof JobTree.Sequence list) {
      for (JobTree item : list.items()) {
        try {
          all.add(Integer.valueOf(((JobTree.Scalar) item).text()));
        } catch (NumberFormatException | ClassCastException e) {
          throw bad(name, "holds something that is not a whole number");
        }
      }
    }
    return all;
  }

  List<String> texts(String name) {
    List<String> all = new ArrayList<>();
    if (tree.entries().get(name) instanceof JobTree.Sequence list) {
      for (JobTree item : list.items()) {
        if (!(item instanceof JobTree.Scalar text)) {
          throw bad(name, "holds something that is not a name");
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

  private Key key(String name) {
    Key key = keys.child(name);
    if (key == null) {
      throw new IllegalStateException("the job keys have no " + prefix + name);
    }
    return key;
  }
}
