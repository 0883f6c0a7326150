package dev.gyre.trainer.data;

import dev.gyre.partitioning.job.DatasetSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Builds the token store of a dataset, or finds the existing one.
 *
 * <p>A store's folder is named by what went into it (names, sizes, and versions of all files, the
 * tokenizer, and the keys that change what is stored); hold-out, weights and packing are applied
 * later and share one store.
 */
public final class DataPreparation {
  private final DatasetSpec dataset;
  private final DataPlaces places;
  private final Tokenizer tokenizer;
  private final PrepareListener listener;

  private DataPreparation(
      DatasetSpec dataset, DataPlaces places, Tokenizer tokenizer, PrepareListener listener) {
    this.dataset = dataset;
    this.places = places;
    this.tokenizer = tokenizer;
    this.listener = listener;
  }

  /**
   * Opens the dataset's token store, building it first if needed. Blocks; the caller closes the
   * store.
   *
   * @throws DataException if a path is missing, nothing matches, a file cannot be read, text cannot
   *     be used, or no document is left; names the file, and the line
   * @throws UncheckedIOException if the store cannot be written; names the file
   */
  public static TokenStore prepare(
      DatasetSpec dataset, DataPlaces places, Tokenizer tokenizer, PrepareListener listener) {
    DataPreparation preparation = new DataPreparation(dataset, places, tokenizer, listener);
    try {
      return preparation.run();
    } catch (IOException e) {
      throw new UncheckedIOException("preparing data: " + e.getMessage(), e);
    }
  }

  /**
   * Opens the dataset's token store if it exists; builds nothing.
   *
   * @throws DataException if a path is missing, nothing matches, or the store is damaged
   */
  public static Optional<TokenStore> find(
      DatasetSpec dataset, DataPlaces places, Tokenizer tokenizer) {
    DataPreparation preparation =
        new DataPreparation(dataset, places, tokenizer, PrepareListener.NONE);
    String key = preparation.key(preparation.scan());
    return preparation.find(key).map(TokenStore::open);
  }

  private Optional<Path> find(String key) {
    for (StoreCache cache : caches()) {
      Optional<Path> store = cache.find(key);
      if (store.isPresent()) {
        return store;
      }
    }
    return Optional.empty();
  }

  private List<StoreCache> caches() {
    List<StoreCache> caches = new ArrayList<>();
    caches.add(new StoreCache(places.cache(), listener));
    Path other = places.otherCache();
    if (other != null) {
      caches.add(new StoreCache(other, listener));
    }
    return caches;
  }

  private List<SourceFile> scan() {
    List<SourceFile> files = new ArrayList<>();
    for (int i = 0; i < dataset.train().size(); i++) {
      if (!isGenerated(i)) {
        files.addAll(SourceScan.scan(places, listener, i, dataset.train().get(i)));
      }
    }
    return files;
  }

  private boolean isGenerated(int source) {
    return dataset.train().get(source).path().startsWith(RecallDocuments.SCHEME);
  }

  private List<RecallDocuments> generated() {
    List<RecallDocuments> all = new ArrayList<>();
    for (int i = 0; i < dataset.train().size(); i++) {
      if (isGenerated(i)) {
        if (!(tokenizer instanceof ByteTokenizer)) {
          throw new DataException(
              "dataset.tokenizer: %s makes bytes; use tokenizer: bytes"
                  .formatted(dataset.train().get(i).path()));
        }
        all.add(RecallDocuments.of(i, dataset.train().get(i).path()));
      }
    }
    return all;
  }

  private TokenStore run() throws IOException {
    List<SourceFile> files = scan();
    String key = key(files);
    Optional<Path> made = find(key);
    if (made.isPresent()) {
      return TokenStore.open(made.get());
    }
    for (StoreCache cache : caches()) {
      Optional<Path> store = cache.make(key, folder -> write(files, folder));
      if (store.isPresent()) {
        return TokenStore.open(store.get());
      }
    }
    throw new AccessDeniedException(
        places.cache().toString(), null, "prepared data cannot be kept here");
  }

  /** The store's name: a digest of everything its content depends on. */
  private String key(List<SourceFile> files) {
    StoreKey key = new StoreKey();
    key.add("format " + StoreMeta.FORMAT);
    key.add(contentId());
    key.add(dataset.invalidText());
    files.forEach(key::add);
    for (RecallDocuments recall : generated()) {
      key.add(recall.source() + " " + recall.id());
    }
    return key.text();
  }

  /** What, beside the text, the tokens depend on. */
  private String contentId() {
    return tokenizer.id()
        + " special-tokens "
        + dataset.specialTokens()
        + " special-text "
        + dataset.specialText();
  }

  private void write(List<SourceFile> files, Path folder) throws IOException {
    requireSpace(files, folder);
    List<RecallDocuments> generated = generated();
    List<StoreWriter.NamedFile> named = new NamedFiles(files, generated);
    TokenTemplate template =
        dataset.specialTokens().equals("template") ? tokenizer.template() : TokenTemplate.NONE;
    DocumentEncoder encoder =
        new DocumentEncoder(tokenizer, template, InvalidText.of(dataset.invalidText()));
    List<String> sources = dataset.train().stream().map(DatasetSpec.Source::path).toList();
    try (StoreWriter writer = new StoreWriter(folder, tokenizer, contentId(), named)) {
      DocumentPump pump = new DocumentPump(files, generated, encoder, writer, listener);
      Problems problems = pump.run();
      if (writer.documents() == 0) {
        throw new DataException(
            ("dataset.train: no document is left of %s (binary files: %,d, empty documents: %,d);"
                    + " name files with text")
                .formatted(
                    String.join(", ", sources),
                    problems.count(ProblemKind.BINARY),
                    problems.count(ProblemKind.EMPTY)));
      }
      writer.finish(problems.faults(encoder.policy(), i -> files.get(i).shown()), sources);
    }
  }

  /** Byte tokens take the room of the text: whether there is so much can be seen before. */
  private void requireSpace(List<SourceFile> files, Path folder) throws IOException {
    long bytes = tokenizer instanceof ByteTokenizer ? DocumentPump.bytes(files, generated()) : 0;
    long free = Files.getFileStore(folder).getUsableSpace();
    // JSONL is longer than its text, by how much cannot be seen.
    boolean exact = files.stream().noneMatch(SourceFile::isJsonl);
    if (exact && bytes > free) {
      throw new FileSystemException(
          folder.toString(),
          null,
          "%,d MB are free, the prepared data takes %,d MB".formatted(free >> 20, bytes >> 20));
    }
  }

  /** Files and generated sources as the store names them, by index; makes no list of millions. */
  private static final class NamedFiles extends java.util.AbstractList<StoreWriter.NamedFile> {
    private final List<SourceFile> files;
    private final List<RecallDocuments> generated;

    NamedFiles(List<SourceFile> files, List<RecallDocuments> generated) {
      this.files = files;
      this.generated = generated;
    }

    @Override
    public StoreWriter.NamedFile get(int index) {
      if (index >= files.size()) {
        RecallDocuments recall = generated.get(index - files.size());
        return new StoreWriter.NamedFile(recall.source(), "mqar", recall.bytes(), false);
      }
      SourceFile file = files.get(index);
      boolean joined = file.place().joined();
      String name = joined ? file.folder() : file.name();
      return new StoreWriter.NamedFile(file.source(), name, Math.max(0, file.bytes()), joined);
    }

    @Override
    public int size() {
      return files.size() + generated.size();
    }
  }
}
