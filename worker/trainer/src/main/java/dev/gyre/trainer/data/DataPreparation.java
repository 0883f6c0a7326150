package dev.gyre.trainer.data;

import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.trainer.data.DocumentReader.Batch;
import dev.gyre.trainer.data.DocumentReader.Encoded;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Builds the token store of a dataset, or finds the existing one.
 *
 * <p>A store's folder is named by its inputs: names, sizes and versions of all files, and the
 * tokenizer. Hold-out, weights and packing are applied later and share one store. The store is
 * written to a temporary folder and renamed, so a reader never sees an incomplete one. If several
 * processes prepare the same data, one works and the others wait. Without file locks all of them
 * work, and the first to finish wins.
 */
public final class DataPreparation {
  /** Text in flight between reading and writing; keeps every core busy with 1 MiB batches. */
  private static final long IN_FLIGHT_BYTES = 32L << 20;

  /** Longest wait for another process that prepares the same data. */
  private static final Duration LOCK_DEADLINE = Duration.ofMinutes(30);

  private static final long LOCK_RETRY_MILLIS = 50;

  /** An incomplete store that was not modified for this long is abandoned. */
  private static final Duration ABANDONED = Duration.ofDays(1);

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
   * @throws DataException if a path is missing, nothing matches, a file cannot be read, or no
   *     document is left; names the file, and the line of a JSONL file
   */
  public static TokenStore prepare(
      DatasetSpec dataset, DataPlaces places, Tokenizer tokenizer, PrepareListener listener) {
    DataPreparation preparation = new DataPreparation(dataset, places, tokenizer, listener);
    try {
      return preparation.run();
    } catch (IOException e) {
      throw DataException.io("preparing data in " + places.cache(), e);
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
    Path folder = places.cache().resolve(preparation.key(preparation.scan()));
    return Files.exists(folder) ? Optional.of(TokenStore.open(folder)) : Optional.empty();
  }

  private List<SourceFile> scan() {
    List<SourceFile> files = new ArrayList<>();
    SourceScan scan = new SourceScan(places, listener);
    for (int i = 0; i < dataset.train().size(); i++) {
      if (!isGenerated(i)) {
        files.addAll(scan.scan(i, dataset.train().get(i)));
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
    Path folder = places.cache().resolve(key);
    if (Files.exists(folder)) {
      return TokenStore.open(folder);
    }
    Files.createDirectories(places.cache());
    Path lockFile = places.cache().resolve(key + ".lock");
    try (FileChannel channel =
        FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      awaitTurn(channel); // closing the channel releases the lock
      if (!Files.exists(folder)) {
        sweep(key);
        build(files, key, folder);
      }
    }
    return TokenStore.open(folder);
  }

  /** The store's name: a digest of everything its content depends on. */
  private String key(List<SourceFile> files) {
    MessageDigest digest = Hashing.sha256();
    Hashing.add(digest, "format " + StoreMeta.FORMAT);
    Hashing.add(digest, tokenizer.id());
    for (SourceFile file : files) {
      Hashing.add(digest, file.source() + " " + file.name());
      Hashing.add(digest, file.file().toAbsolutePath().normalize().toString());
      Hashing.add(digest, file.isJsonl() ? file.field() : "");
      Hashing.add(digest, file.bytes() + " " + file.version());
    }
    for (RecallDocuments recall : generated()) {
      Hashing.add(digest, recall.source() + " " + recall.id());
    }
    return HexFormat.of().formatHex(digest.digest(), 0, 12);
  }

  /**
   * Waits until this process alone prepares the store. Returns at once if the file system has no
   * locks, or if another thread of this process prepares it: then all of them work.
   */
  private void awaitTurn(FileChannel channel) throws IOException {
    long deadline = System.nanoTime() + LOCK_DEADLINE.toNanos();
    boolean told = false;
    while (!tryTurn(channel)) {
      if (System.nanoTime() > deadline) {
        throw new IOException(
            "another process has been preparing this data for "
                + LOCK_DEADLINE.toMinutes()
                + " minutes; end it, then try again");
      }
      if (!told) {
        listener.note("data   another process is preparing this data; waiting for it");
        told = true;
      }
      pause();
    }
  }

  private boolean tryTurn(FileChannel channel) {
    try {
      return channel.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      return true;
    } catch (IOException e) {
      listener.note("data   " + places.cache() + " has no file locks (" + e.getMessage() + ")");
      return true;
    }
  }

  private static void pause() throws IOException {
    try {
      Thread.sleep(LOCK_RETRY_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while another process prepares this data", e);
    }
  }

  private void sweep(String key) throws IOException {
    long oldest = System.currentTimeMillis() - ABANDONED.toMillis();
    try (var stream = Files.newDirectoryStream(places.cache(), ".tmp-" + key + "-*")) {
      for (Path left : stream) {
        if (Files.getLastModifiedTime(left).toMillis() < oldest) {
          StoreWriter.delete(left);
        }
      }
    }
  }

  private void build(List<SourceFile> files, String key, Path folder) throws IOException {
    Path temporary = Files.createTempDirectory(places.cache(), ".tmp-" + key + "-");
    boolean kept = false;
    try {
      write(files, temporary);
      try {
        Files.move(temporary, folder, StandardCopyOption.ATOMIC_MOVE);
        kept = true;
      } catch (IOException e) {
        if (!Files.exists(folder)) {
          throw e;
        } // another process was first, with the same content
      }
    } finally {
      if (!kept) {
        StoreWriter.delete(temporary);
      }
    }
  }

  private void write(List<SourceFile> files, Path folder) throws IOException {
    DocumentEncoder encoder = new DocumentEncoder(tokenizer);
    List<RecallDocuments> generated = generated();
    Progress progress = new Progress(files, generated);
    try (StoreWriter writer = new StoreWriter(folder, tokenizer);
        DocumentReader reader = new DocumentReader(files, encoder)) {
      ExecutorService threads =
          Executors.newFixedThreadPool(
              Runtime.getRuntime().availableProcessors(),
              Thread.ofPlatform().daemon().name("data-", 0).factory());
      try {
        pump(reader, threads, writer, progress);
        for (RecallDocuments recall : generated) {
          pump(recall.iterator(), threads, writer, progress);
        }
      } finally {
        threads.shutdownNow();
        threads.close();
      }
      List<String> sources = dataset.train().stream().map(DatasetSpec.Source::path).toList();
      if (writer.documents() == 0) {
        throw new DataException(
            "dataset.train: no document is left of %s: %,d files are binary, %,d documents are empty; name files with text"
                .formatted(String.join(", ", sources), progress.binary, progress.empty));
      }
      writer.finish(progress.binary, progress.empty, sources);
      listener.progress(writer.documents(), progress.total, progress.total);
    }
  }

  /** Batches are read and tokenized by all threads, and written in order by this one. */
  private void pump(
      Iterator<Batch> reader, ExecutorService threads, StoreWriter writer, Progress progress)
      throws IOException {
    ArrayDeque<Batch> batches = new ArrayDeque<>();
    ArrayDeque<Future<Encoded>> pending = new ArrayDeque<>();
    long inFlight = 0;
    while (reader.hasNext() || !pending.isEmpty()) {
      while (reader.hasNext() && (pending.isEmpty() || inFlight < IN_FLIGHT_BYTES)) {
        Batch batch = reader.next();
        inFlight += batch.bytes();
        batches.add(batch);
        pending.add(threads.submit(batch.work()));
      }
      Encoded encoded = result(pending.remove());
      for (EncodedDocument document : encoded.documents()) {
        writer.add(document);
      }
      long bytes = batches.remove().bytes();
      inFlight -= bytes;
      progress.add(encoded, bytes);
      listener.progress(
          writer.documents(), Math.min(progress.done, progress.total), progress.total);
    }
  }

  private static Encoded result(Future<Encoded> future) throws IOException {
    try {
      return future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof DataException known) {
        throw known;
      }
      throw new IllegalStateException("reading documents failed", e.getCause());
    }
  }

  private static final class Progress {
    private final long total;
    private long done;
    private long binary;
    private long empty;

    Progress(List<SourceFile> files, List<RecallDocuments> generated) {
      total =
          files.stream().mapToLong(SourceFile::bytes).sum()
              + generated.stream().mapToLong(RecallDocuments::bytes).sum();
    }

    void add(Encoded encoded, long bytes) {
      done += bytes;
      binary += encoded.binary();
      empty += encoded.empty();
    }
  }
}
