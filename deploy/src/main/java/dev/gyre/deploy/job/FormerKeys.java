package dev.gyre.deploy.job;

import dev.gyre.partitioning.job.Key;
import java.util.function.Consumer;

/** Translates keys of earlier versions. */
final class FormerKeys {
  private FormerKeys() {}

  /**
   * Renames former keys and values in a tree to the current ones.
   *
   * @param hint receives a line for each, with its place and what to write
   * @throws JobFileException if both names of a key are set
   */
  static void rename(JobTree tree, Key section, Consumer<String> hint) {
    rename(tree, section, "", hint);
  }

  private static void rename(JobTree tree, Key section, String prefix, Consumer<String> hint) {
    if (!(tree instanceof JobTree.Mapping mapping)) {
      return;
    }
    for (Key key : section.children()) {
      Key.Former former = key.former();
      if (former != null && mapping.entries().containsKey(former.name())) {
        rename(mapping, key, former, prefix, hint);
      }
      JobTree below = mapping.entries().get(key.name());
      if (below != null) {
        rename(below, key, prefix + key.name() + ".", hint);
      }
    }
  }

  private static void rename(
      JobTree.Mapping mapping, Key key, Key.Former former, String prefix, Consumer<String> hint) {
    String place = mapping.keyPlaces().getOrDefault(former.name(), mapping.place());
    String old = prefix + former.name();
    String present = mapping.keyPlaces().getOrDefault(key.name(), "");
    if (mapping.entries().containsKey(key.name())) {
      if (isOption(present) && !isOption(place)) {
        mapping.entries().remove(former.name());
        return;
      }
      throw new JobFileException(
          "%s: %s: is the former name of %s%s, which is set too; remove it"
              .formatted(place, old, prefix, key.name()));
    }
    JobTree value = mapping.entries().remove(former.name());
    if (value instanceof JobTree.Scalar scalar) {
      String renamed = former.values().getOrDefault(scalar.text(), scalar.text());
      value = new JobTree.Scalar(renamed, scalar.place());
      hint.accept("%s: %s is now %s%s: %s".formatted(place, old, prefix, key.name(), renamed));
    }
    mapping.put(key.name(), place, value == null ? new JobTree.Empty(place) : value);
  }

  /** Options win over the file. */
  private static boolean isOption(String place) {
    return place.startsWith("--");
  }
}
