package dev.gyre.trainer.data;

import dev.gyre.trainer.data.DocumentReader.Batch;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Reads and tokenizes documents on all cores, and writes them in order on the calling thread: the
 * store is the same whatever the number of threads.
 */
final class DocumentPump {
  /** Batches in flight for each thread: one at work, one that waits, one that is written. */
  private static final int BATCHES_PER_THREAD = 3;

  /** After a problem, so much more text is looked through to count the others. */
  private static final long CHECKED_AFTER_REFUSAL = 4L << 30;

  private final List<SourceFile> files;
  private final List<RecallDocuments> generated;
  private final DocumentEncoder encoder;
  private final StoreWriter writer;
  private final PrepareListener listener;
  private final Problems problems = new Problems();
  private final long total;
  private long done;
  private int currentFile = -1;
  private long lines;
  private long checked;

  DocumentPump(
      List<SourceFile> files,
      List<RecallDocuments> generated,
      DocumentEncoder encoder,
      StoreWriter writer,
      PrepareListener listener) {
    this.files = files;
    this.generated = generated;
    this.encoder = encoder;
    this.writer = writer;
    this.listener = listener;
    this.total = bytes(files, generated);
  }

  static long bytes(List<SourceFile> files, List<RecallDocuments> generated) {
    long bytes = 0;
    for (SourceFile file : files) {
      bytes += Math.max(0, file.bytes());
    }
    return bytes + generated.stream().mapToLong(RecallDocuments::bytes).sum();
  }

  /**
   * Writes all documents.
   *
   * @return what was wrong with the text
   * @throws DataException if that is not allowed, or a document cannot be encoded
   */
  Problems run() throws IOException {
    int cores = Runtime.getRuntime().availableProcessors();
    ExecutorService threads =
        Executors.newFixedThreadPool(
            cores, Thread.ofPlatform().daemon().name("data-", 0).factory());
    try (DocumentReader reader = new DocumentReader(files, encoder)) {
      try {
        pump(reader, threads, cores * BATCHES_PER_THREAD);
        for (int i = 0; i < generated.size(); i++) {
          Iterator<Batch> batches = generated.get(i).batches(files.size() + i);
          pump(batches, threads, cores * BATCHES_PER_THREAD);
        }
      } finally {
        threads.shutdownNow();
        threads.close();
      }
    } catch (PlacedException e) {
      throw refused(e);
    }
    if (refuses()) {
      throw problems.refusal(i -> files.get(i).shown(), true);
    }
    listener.progress(writer.documents(), writer.tokens(), total, total);
    return problems;
  }

  private void pump(Iterator<Batch> batches, ExecutorService threads, int inFlight)
      throws IOException {
    ArrayDeque<Batch> read = new ArrayDeque<>();
    ArrayDeque<Future<EncodedBatch>> pending = new ArrayDeque<>();
    while (true) {
      while (pending.size() < inFlight && batches.hasNext()) {
        Batch batch = batches.next();
        read.add(batch);
        pending.add(threads.submit(batch.work()));
      }
      if (pending.isEmpty()) {
        return;
      }
      Batch batch = read.remove();
      if (batch.file() != currentFile) {
        currentFile = batch.file();
        lines = 0;
      }
      take(batch, result(pending.remove()));
    }
  }

  private void take(Batch batch, EncodedBatch encoded) throws IOException {
    problems.add(encoded.problems(), lines);
    if (refuses()) {
      encoder.onlyCheck();
      checked += batch.bytes();
      if (checked > CHECKED_AFTER_REFUSAL) {
        throw problems.refusal(i -> files.get(i).shown(), false);
      }
    } else {
      writer.add(encoded, lines);
    }
    lines += encoded.lines();
    done += batch.bytes();
    listener.progress(writer.documents(), writer.tokens(), Math.min(done, total), total);
  }

  private boolean refuses() {
    return encoder.policy() == InvalidText.ERROR && problems.refused();
  }

  private DataException refused(PlacedException e) {
    long line = e.line() == 0 ? 0 : e.line() + (e.file() == currentFile ? lines : 0);
    String place = files.get(e.file()).shown() + (line == 0 ? "" : ":" + line);
    return new DataException("dataset.train: %s: %s".formatted(place, e.getMessage()), e);
  }

  private static EncodedBatch result(Future<EncodedBatch> future) throws IOException {
    try {
      return future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      if (cause instanceof DataException || cause instanceof PlacedException) {
        throw (RuntimeException) cause;
      }
      if (cause instanceof Error error) {
        throw error;
      }
      throw new IllegalStateException("reading documents failed", cause);
    }
  }
}
