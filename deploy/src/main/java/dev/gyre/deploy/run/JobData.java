package dev.gyre.deploy.run;

import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.console.Units;
import dev.gyre.kernels.CacheFolder;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.trainer.data.DataException;
import dev.gyre.trainer.data.DataPlaces;
import dev.gyre.trainer.data.DataPreparation;
import dev.gyre.trainer.data.Feed;
import dev.gyre.trainer.data.PackStats;
import dev.gyre.trainer.data.TextFault;
import dev.gyre.trainer.data.TokenStore;
import dev.gyre.trainer.data.Tokenizer;
import dev.gyre.trainer.data.Tokenizers;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The prepared data of a job, open for reading. */
public record JobData(TokenStore store, Feed feed, Tokenizer tokenizer) implements AutoCloseable {
  /** Relative paths of a job are relative to the current folder. */
  private static final Path BASE = Path.of("");

  /** Folder of prepared tokens, relative to the current folder. */
  private static final Path CACHE = Path.of(".gyre", "data");

  /**
   * Prepares the data if necessary, with progress on the console, and opens it.
   *
   * @param project Gyre's own folder: its sources replace those of a JDK without sources
   * @throws DataException if the data cannot be used
   * @throws IOException if prepared data cannot be stored, for example on a full disk
   */
  public static JobData open(JobSpec job, Path project, Console console) throws IOException {
    Tokenizer tokenizer = tokenizer(job);
    PreparationConsole progress = new PreparationConsole(console, System::nanoTime);
    try {
      TokenStore store =
          DataPreparation.prepare(job.dataset(), places(project), tokenizer, progress);
      return of(job, tokenizer, store);
    } catch (UncheckedIOException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  /**
   * Data prepared earlier; empty if there is none or the sources have changed.
   *
   * @param project as of {@link #open}
   * @throws DataException if a source is missing
   */
  public static Optional<JobData> find(JobSpec job, Path project) {
    Tokenizer tokenizer = tokenizer(job);
    return DataPreparation.find(job.dataset(), places(project), tokenizer)
        .map(store -> of(job, tokenizer, store));
  }

  private static Tokenizer tokenizer(JobSpec job) {
    Tokenizer tokenizer = Tokenizers.of(job.dataset(), BASE);
    tokenizer.requireFits(job.model().vocabulary());
    return tokenizer;
  }

  private static DataPlaces places(Path project) {
    return DataPlaces.of(BASE, CACHE.toAbsolutePath(), project)
        .withOtherCache(CacheFolder.ofUser().resolve("data"));
  }

  private static JobData of(JobSpec job, Tokenizer tokenizer, TokenStore store) {
    Feed feed = Feed.of(store, job);
    return new JobData(store, feed, tokenizer);
  }

  /** For example {@code jdk:src.zip 15,214 files 188 MB, 1.0 % held out; rows 99.6 % full}. */
  public String describe() {
    PackStats stats = feed.stats(0);
    return String.format(
        Locale.ROOT,
        "%s  %s  %s, %s held out; rows %.1f %% full, %.1f %% of documents cut",
        String.join(", ", store.sources()),
        Units.of(store.documents(), "document"),
        Units.bytes(store.textBytes()),
        Units.percent(feed.heldOutShare()),
        100 * stats.fill(),
        100 * stats.cut());
  }

  /** Notes for the user about text that was repaired, skipped or read in a special way. */
  public List<String> notes() {
    return store.faults().stream().map(TextFault::toString).toList();
  }

  @Override
  public void close() {
    store.close();
    tokenizer.close();
  }
}
