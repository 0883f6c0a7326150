package dev.gyre.trainer.data;

import dev.gyre.partitioning.job.DatasetSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a run was trained on, kept with the run, so that a later difference can be named.
 *
 * @param fingerprint {@link Feed#fingerprint}
 * @param tokenizer {@link Tokenizer#id}
 * @param settings keys that change the tokens of a text
 * @param sources path of each source
 * @param allFiles number of files with documents
 * @param files the first of them, at most {@link #LISTED}
 */
public record DataManifest(
    String fingerprint,
    String tokenizer,
    String settings,
    List<String> sources,
    int allFiles,
    List<StoredFile> files) {
  /** More files are not listed: a list must not be longer than the data. */
  static final int LISTED = 100_000;

  public DataManifest {
    sources = List.copyOf(sources);
    files = List.copyOf(files);
  }

  /**
   * @param feed of the store
   */
  public static DataManifest of(TokenStore store, Feed feed, DatasetSpec dataset) {
    List<StoredFile> files = new ArrayList<>();
    for (int file = 0; file < Math.min(LISTED, store.files()); file++) {
      files.add(store.storedFile(file));
    }
    String settings =
        "invalid-text %s, special-tokens %s, special-text %s"
            .formatted(dataset.invalidText(), dataset.specialTokens(), dataset.specialText());
    return new DataManifest(
        feed.fingerprint(), store.tokenizer(), settings, store.sources(), store.files(), files);
  }

  /** A file's name inside its source. */
  private record Named(int source, String name) {}

  /**
   * Differences between this manifest, the run's, and the current one, one line each for the user.
   * Also names that changed though the text is the same.
   */
  public List<String> differences(DataManifest now) {
    List<String> lines = new ArrayList<>();
    if (!tokenizer.equals(now.tokenizer)) {
      lines.add("the tokenizer is another one");
    }
    if (!settings.equals(now.settings)) {
      lines.add("dataset keys: %s -> %s".formatted(settings, now.settings));
    }
    if (sources.size() != now.sources.size()) {
      lines.add("sources: %d -> %d".formatted(sources.size(), now.sources.size()));
    }
    Map<Named, StoredFile> left = new HashMap<>();
    now.files.forEach(file -> left.put(new Named(file.source(), file.name()), file));
    List<StoredFile> gone = new ArrayList<>();
    for (StoredFile file : files) {
      StoredFile same = left.remove(new Named(file.source(), file.name()));
      if (same == null) {
        gone.add(file);
      } else if (!same.sha256().equals(file.sha256())) {
        lines.add(changed(file, same));
      }
    }
    renamed(gone, left, now, lines);
    if (lines.isEmpty() && !order(files).equals(order(now.files))) {
      lines.add("the files are the same, in another order");
    }
    if (lines.isEmpty() && allFiles != now.allFiles) {
      lines.add("files: %,d -> %,d".formatted(allFiles, now.allFiles));
    }
    return lines;
  }

  private static String changed(StoredFile file, StoredFile now) {
    return file.bytes() == now.bytes()
        ? "%s has other text of the same size".formatted(file.name())
        : "%s had %,d bytes, has %,d".formatted(file.name(), file.bytes(), now.bytes());
  }

  private static void renamed(
      List<StoredFile> gone, Map<Named, StoredFile> left, DataManifest now, List<String> lines) {
    Map<String, List<StoredFile>> byText = new HashMap<>();
    for (StoredFile file : now.files) {
      if (left.containsKey(new Named(file.source(), file.name()))) {
        byText.computeIfAbsent(file.sha256(), _ -> new ArrayList<>()).add(file);
      }
    }
    Set<Named> found = new HashSet<>();
    for (StoredFile file : gone) {
      List<StoredFile> same = byText.getOrDefault(file.sha256(), List.of());
      if (same.isEmpty()) {
        lines.add("%s is missing".formatted(file.name()));
      } else {
        StoredFile other = same.removeFirst();
        found.add(new Named(other.source(), other.name()));
        lines.add("%s is %s now, with the same text".formatted(file.name(), other.name()));
      }
    }
    for (StoredFile file : now.files) {
      Named named = new Named(file.source(), file.name());
      if (left.containsKey(named) && !found.contains(named)) {
        lines.add("%s is new".formatted(file.name()));
      }
    }
  }

  private static List<String> order(List<StoredFile> files) {
    return files.stream().map(StoredFile::sha256).toList();
  }
}
