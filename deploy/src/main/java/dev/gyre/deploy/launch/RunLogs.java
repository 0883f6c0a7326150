package dev.gyre.deploy.launch;

import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;

import dev.gyre.deploy.files.BackgroundWriter;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.trainer.files.StorageException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * The logs of a run's workers: one per worker, and a merged one. They are written on a background
 * thread. While the file system is blocked, some megabytes are buffered; further output is dropped
 * and counted, so that workers are never blocked.
 */
final class RunLogs implements AutoCloseable {
  /** Pieces of at most {@link WorkerOutput#PIECE_BYTES} each. */
  private static final int WAITING_PIECES = 2_000;

  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(3);

  private record Log(Path path, OutputStream out) {
    void write(byte[] bytes) throws StorageException {
      try {
        out.write(bytes);
      } catch (IOException e) {
        throw StorageException.of(path, e);
      }
    }
  }

  private final Log merged;
  private final List<Log> ofRank = new ArrayList<>();
  private final BackgroundWriter writer;
  private final AtomicLong dropped = new AtomicLong();

  /**
   * @param onFailure called once, if a log cannot be written
   * @throws StorageException naming the log that cannot be opened
   */
  RunLogs(RunFolder folder, int workers, Consumer<StorageException> onFailure)
      throws StorageException {
    merged = open(folder.mergedLog());
    for (int rank = 0; rank < workers; rank++) {
      ofRank.add(open(folder.rankLog(rank)));
    }
    writer =
        new BackgroundWriter(
            "gyre-logs",
            WAITING_PIECES,
            CLOSE_LIMIT,
            e -> onFailure.accept(StorageException.of(merged.path, e)));
  }

  private static Log open(Path path) throws StorageException {
    try {
      return new Log(path, Files.newOutputStream(path, CREATE, APPEND));
    } catch (IOException e) {
      throw StorageException.of(path, e);
    }
  }

  /** Appends output of one worker to its own log. Does not block. */
  void write(int rank, byte[] bytes) {
    take(ofRank.get(rank), bytes);
  }

  /** Appends a complete line to the merged log. Does not block. */
  void line(byte[] line) {
    take(merged, line);
  }

  private void take(Log log, byte[] bytes) {
    long missing = dropped.getAndSet(0);
    if (missing > 0 && !writer.offer(() -> merged.write(droppedNote(missing)))) {
      dropped.addAndGet(missing);
    }
    if (!writer.offer(() -> log.write(bytes))) {
      dropped.addAndGet(bytes.length);
    }
  }

  private static byte[] droppedNote(long bytes) {
    return "(%d bytes of output are missing here: the file system was blocked)\n"
        .formatted(bytes)
        .getBytes(StandardCharsets.UTF_8);
  }

  /** Waits, up to the limit, until the output so far is written. */
  void flush(Duration limit) throws InterruptedException {
    writer.flush(limit);
  }

  @Override
  public void close() {
    writer.close();
    for (Log log : ofRank) {
      closeQuietly(log);
    }
    closeQuietly(merged);
  }

  private static void closeQuietly(Log log) {
    try {
      log.out.close();
    } catch (IOException _) {
      // The stream is unbuffered, so no output is lost.
    }
  }
}
