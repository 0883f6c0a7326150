package dev.gyre.deploy.files;

import dev.gyre.trainer.files.StorageException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Writes the launcher's files of a run on a background thread. A blocked file system blocks the
 * caller only when {@value #WAITING_LINES} lines are waiting. No line is dropped.
 */
public final class RunFiles implements AutoCloseable {
  private static final int WAITING_LINES = 50_000;

  /** How long the end of a run waits for a file system that hangs. */
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

  /** Appends a line to metrics.jsonl. */
  public void metrics(String json) {
    write(() -> metrics.append(json));
  }

  /** Writes another file of the run. */
  public void write(BackgroundWriter.Write write) {
    try {
      writer.put(write);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Waits until everything is written.
   *
   * @throws StorageException if a write failed, or the file system hangs
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
