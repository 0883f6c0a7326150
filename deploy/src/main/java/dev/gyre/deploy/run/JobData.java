package dev.gyre.deploy.run;

import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.console.Units;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.trainer.data.DataException;
import dev.gyre.trainer.data.DataPlaces;
import dev.gyre.trainer.data.DataPreparation;
import dev.gyre.trainer.data.Feed;
import dev.gyre.trainer.data.PackStats;
import dev.gyre.trainer.data.PrepareListener;
import dev.gyre.trainer.data.TokenStore;
import dev.gyre.trainer.data.Tokenizer;
import dev.gyre.trainer.data.Tokenizers;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/** A job's data, prepared and open. */
public record JobData(TokenStore store, Feed feed, Tokenizer tokenizer) implements AutoCloseable {
  /** Relative paths of a job are below the current folder. */
  private static final Path BASE = Path.of("");

  /** Where prepared tokens are kept, below the current folder. */
  private static final Path CACHE = Path.of(".gyre", "data");

  /**
   * Prepares what is not there yet, telling the console how it goes.
   *
   * @param project Gyre's own folder: its sources stand in where a JDK has none
   */
  public static JobData open(JobSpec job, Path project, Console console) {
    Tokenizer tokenizer = tokenizer(job);
    TokenStore store =
        DataPreparation.prepare(job.dataset(), places(project), tokenizer, new Telling(console));
    return of(job, tokenizer, store);
  }

  /**
   * The data as it was prepared before; empty if it was not, or not in its present state.
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
    Tokenizer tokenizer = Tokenizers.open(job.dataset().tokenizer(), BASE);
    tokenizer.requireFits(job.model().vocabSize());
    return tokenizer;
  }

  private static DataPlaces places(Path project) {
    return DataPlaces.of(BASE, CACHE.toAbsolutePath(), project);
  }

  private static JobData of(JobSpec job, Tokenizer tokenizer, TokenStore store) {
    Feed feed =
        Feed.of(
            store,
            job.dataset(),
            job.train().sequenceLength(),
            job.train().rowsPerStep(),
            job.model().attention().prefix(),
            job.train().seed());
    return new JobData(store, feed, tokenizer);
  }

  /** For example {@code jdk:src.zip 15,214 files 188 MB, 1.0 % held out; rows 99.6 % full}. */
  public String describe(JobSpec job) {
    PackStats stats = feed.stats(0);
    return String.format(
        Locale.ROOT,
        "%s  %,d documents  %s, %s held out; rows %.1f %% full, %.1f %% of documents cut",
        String.join(", ", store.sources()),
        store.documents(),
        Units.bytes(store.textBytes()),
        Units.percent(job.dataset().holdout()),
        100 * stats.fill(),
        100 * stats.cut());
  }

  @Override
  public void close() {
    store.close();
    tokenizer.close();
  }

  private record Telling(Console console) implements PrepareListener {
    @Override
    public void note(String line) {
      console.line(line);
    }

    @Override
    public void progress(long documents, long bytesDone, long bytesTotal) {
      console.busy(
          String.format(
              Locale.ROOT,
              "data   %,d documents, %s of %s",
              documents,
              Units.bytes(bytesDone),
              Units.bytes(bytesTotal)));
    }
  }
}
