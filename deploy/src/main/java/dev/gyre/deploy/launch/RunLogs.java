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
 * The logs of a run's workers: one each, and one with the lines of all. Written on a thread of
 * their own. While the file system is blocked some megabytes wait, and what comes beyond them is
 * dropped and counted: a worker must not stop because its output does.
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

  /** Output of one worker, as it came, for its own log. Does not block. */
  void write(int rank, byte[] bytes) {
    take(ofRank.get(rank), bytes);
  }

  /** A whole line of the merged log. Does not block. */
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

  /** Waits, for a moment at most, until what came so far is written. */
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
      // Unbuffered: nothing was left to write.
    }
  }
}
