package dev.gyre.model.safetensors;

import dev.gyre.partitioning.job.GitLfsPointer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Which files of a model folder hold its weights: {@code model.safetensors}, or the shards that
 * {@code model.safetensors.index.json} names.
 *
 * <p>If there are several, the single file takes precedence, as in Hugging Face's transformers, and
 * the other files are named. A folder with two complete sets is an error.
 *
 * @param shardOf the file of each tensor, by its name in the folder; null if all are in {@code
 *     model.safetensors}
 * @param notes files in the folder that are not read, one line each for the user
 */
record WeightFiles(@Nullable Map<String, String> shardOf, List<String> notes) {
  static final String SINGLE = "model.safetensors";
  static final String INDEX = "model.safetensors.index.json";

  /** Files named in one message. */
  private static final int MOST_NAMED = 4;

  WeightFiles {
    notes = List.copyOf(notes);
  }

  /**
   * @throws SafetensorsException if the folder has no weights, not all of them, or two sets
   */
  static WeightFiles choose(Path folder) throws IOException {
    SortedSet<String> names = names(folder);
    if (!names.contains(INDEX)) {
      if (!names.contains(SINGLE)) {
        throw new SafetensorsException(folder, none(names));
      }
      return new WeightFiles(null, notes(SINGLE, names, new TreeSet<>(List.of(SINGLE))));
    }
    Map<String, String> shardOf = index(folder.resolve(INDEX));
    SortedSet<String> shards = new TreeSet<>(shardOf.values());
    SortedSet<String> missing = new TreeSet<>(shards);
    missing.removeAll(names);
    if (names.contains(SINGLE) && !shards.contains(SINGLE)) {
      if (missing.size() < shards.size()) {
        shards.removeAll(missing);
        throw new SafetensorsException(
            folder,
            "holds two sets of weights, %s and %s of %s; delete one: either %s, or the index with its shards"
                .formatted(SINGLE, some(shards), INDEX, SINGLE));
      }
      List<String> notes = new ArrayList<>();
      notes.add(
          "%s is read; delete %s, whose shards are not there: %d"
              .formatted(SINGLE, INDEX, shards.size()));
      notes.addAll(notes(SINGLE, names, new TreeSet<>(List.of(SINGLE, INDEX))));
      return new WeightFiles(null, notes);
    }
    if (!missing.isEmpty()) {
      boolean one = missing.size() == 1;
      throw new SafetensorsException(
          folder.resolve(INDEX),
          "%d of %d shards in the index %s missing: %s; download %s again"
              .formatted(
                  missing.size(),
                  shards.size(),
                  one ? "is" : "are",
                  some(missing),
                  one ? "it" : "them"));
    }
    SortedSet<String> read = new TreeSet<>(shards);
    read.add(INDEX);
    return new WeightFiles(shardOf, notes("of the shards in " + INDEX, names, read));
  }

  private static SortedSet<String> names(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      // A link without target is a missing file.
      return files
          .filter(Files::exists)
          .map(file -> String.valueOf(file.getFileName()))
          .collect(Collectors.toCollection(TreeSet::new));
    } catch (NotDirectoryException e) {
      throw new SafetensorsException(folder, "is a file; name the folder that holds " + SINGLE);
    }
  }

  private static Map<String, String> index(Path file) throws IOException {
    byte[] text = Files.readAllBytes(file);
    if (GitLfsPointer.matches(text)) {
      throw new SafetensorsException(file, GitLfsPointer.PROBLEM);
    }
    JsonNode map;
    try {
      map =
          JsonMapper.builder()
              .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
              .build()
              .readTree(new String(text, StandardCharsets.UTF_8))
              .path("weight_map");
    } catch (JacksonException e) {
      throw new SafetensorsException(file, "is not JSON: " + e.getOriginalMessage());
    }
    if (!map.isObject() || map.isEmpty()) {
      throw new SafetensorsException(file, "has no weight_map");
    }
    Map<String, String> shardOf = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      JsonNode name = entry.getValue();
      if (!name.isString() || name.asString().isEmpty()) {
        throw new SafetensorsException(file, "has " + name + " as the shard of " + entry.getKey());
      }
      if (!Path.of(name.asString()).equals(Path.of(name.asString()).getFileName())) {
        throw new SafetensorsException(
            file, "names a shard outside of its folder: " + name.asString());
      }
      shardOf.put(entry.getKey(), name.asString());
    }
    return shardOf;
  }

  /** Files that a user may expect to be read. */
  private static List<String> notes(
      String chosen, SortedSet<String> names, SortedSet<String> read) {
    SortedSet<String> others = new TreeSet<>();
    List<String> notes = new ArrayList<>();
    for (String name : names) {
      if (isAdapter(name)) {
        notes.add(name + ", a PEFT adapter, is not applied; merge it into the weights first");
      } else if (!read.contains(name) && (isOfAModel(name) || isPickle(name))) {
        others.add(name);
      }
    }
    if (!others.isEmpty()) {
      notes.add(
          "the weights %s are read, %s %s not; delete what is old"
              .formatted(
                  chosen.equals(SINGLE) ? "in " + SINGLE : chosen,
                  some(others),
                  others.size() == 1 ? "is" : "are"));
    }
    return notes;
  }

  /** The error message for a folder that has neither file. */
  private static String none(SortedSet<String> names) {
    SortedSet<String> shards = matching(names, WeightFiles::isSafetensors);
    SortedSet<String> others = matching(names, n -> isPickle(n) || isOfAnotherFormat(n));
    if (names.stream().anyMatch(WeightFiles::isAdapter)) {
      return "holds a PEFT adapter alone; merge it into its base model first";
    }
    if (!shards.isEmpty()) {
      return "holds %s, but neither %s nor %s; download the index, too, or rename a single file to %s"
          .formatted(some(shards), SINGLE, INDEX, SINGLE);
    }
    if (!others.isEmpty()) {
      return "holds %s; save it as safetensors first, with save_pretrained(FOLDER, safe_serialization=True)"
          .formatted(some(others));
    }
    return "has neither " + SINGLE + " nor " + INDEX;
  }

  private static SortedSet<String> matching(SortedSet<String> names, Predicate<String> wanted) {
    return names.stream().filter(wanted).collect(Collectors.toCollection(TreeSet::new));
  }

  private static boolean isAdapter(String name) {
    return name.equals("adapter_model.safetensors") || name.equals("adapter_model.bin");
  }

  private static boolean isSafetensors(String name) {
    return name.endsWith(".safetensors") || name.endsWith(".safetensors.index.json");
  }

  /** Whether a file has one of the usual names of model weights. */
  private static boolean isOfAModel(String name) {
    return isSafetensors(name) && name.matches("(model|consolidated).*|.*-of-.*|.*\\.json");
  }

  private static boolean isPickle(String name) {
    return name.startsWith("pytorch_model") && (name.endsWith(".bin") || name.endsWith(".json"));
  }

  private static boolean isOfAnotherFormat(String name) {
    return name.matches(".*\\.(bin|pt|pth|gguf|h5|msgpack|ckpt)");
  }

  /** The first few of some names. */
  private static String some(SortedSet<String> names) {
    String first = names.stream().limit(MOST_NAMED).collect(Collectors.joining(", "));
    int more = names.size() - MOST_NAMED;
    return more > 0 ? first + " and " + more + " more" : first;
  }
}
