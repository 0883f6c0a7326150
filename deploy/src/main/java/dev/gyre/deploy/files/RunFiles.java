package dev.gyre.deploy.files;

import dev.gyre.trainer.files.StorageException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The files that the launcher writes while a run goes on, on a thread of their own: a file system
 * that is blocked blocks nobody else, until {@value #WAITING_LINES} lines wait. None is dropped.
 */
public final class RunFiles implements AutoCloseable {
  private static final int WAITING_LINES = 50_000;

  /** A file system that hangs at the end of a run: as long as a person would wait for it. */
  private static final Duration CLOSE_LIMIT = Duration.ofMinutes(1);

  private final Path file;
  private final MetricsFile metrics;
  private final BackgroundWriter writer;
  private volatile @Nullable StorageException failure;

  /**
   * @param onFailure called once, if a file cannot be written; nothing more is written then
   * @throws StorageException if metrics.jsonl cannot be opened
   */
  public RunFiles(RunFolder folder, Consumer<StorageException> onFailure) throws StorageException {
    file = folder.metrics();
    try {
      metrics = MetricsFile.open(file);
    } catch (IOException e) {
      throw StorageException.of(file, e);
    }
    writer =
        new BackgroundWriter(
            "gyre-run-files",
            WAITING_LINES,
            CLOSE_LIMIT,
            e -> {
              StorageException named = StorageException.of(file, e);
              failure = named;
              onFailure.accept(named);
            });
  }

  /** A line of metrics.jsonl. */
  public void metrics(String json) {
    write(() -> metrics.append(json));
  }

  /** Another file of the run. */
  public void write(BackgroundWriter.Write write) {
    try {
      writer.put(write);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Waits until all is written.
   *
   * @throws StorageException if something could not be, or the file system hangs
   */
  public void finish() throws StorageException, InterruptedException {
    boolean all = writer.flush(CLOSE_LIMIT);
    StorageException failed = failure;
    if (failed != null) {
      throw failed;
    }
    if (!all) {
      throw StorageException.of(
          file, new IOException("the file system hangs, the last lines are not written"));
    }
  }

  @Override
  public void close() throws IOException {
    writer.close();
    metrics.close();
  }
}
