package dev.gyre.deploy.run;

import dev.gyre.deploy.files.RunFolder;
import dev.gyre.trainer.worker.WorkerTrace;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** The trace of one run: all ranks' events in one file, on one time base. */
final class RunTrace {
  private final RunFolder folder;
  private final int workers;

  /**
   * Start in monotonic time, which all processes of a host share; never 0, which means no trace.
   */
  private final long baseNanos = Math.max(1, System.nanoTime());

  RunTrace(RunFolder folder, int workers) {
    this.folder = folder;
    this.workers = workers;
  }

  /** The start time of all ranks' timestamps. */
  long baseNanos() {
    return baseNanos;
  }

  /** Merges the ranks' files line by line and deletes them. A killed rank has no file. */
  void merge() throws IOException {
    Path draft = folder.trace().resolveSibling(folder.trace().getFileName() + ".new");
    try {
      try (Writer out = Files.newBufferedWriter(draft)) {
        write(out);
      }
      Files.move(draft, folder.trace(), StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(draft);
    }
    for (int rank = 0; rank < workers; rank++) {
      Files.deleteIfExists(WorkerTrace.part(folder.path(), rank));
    }
  }

  private void write(Writer out) throws IOException {
    out.write("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
    String separator = "\n";
    for (int rank = 0; rank < workers; rank++) {
      Path part = WorkerTrace.part(folder.path(), rank);
      if (!Files.exists(part)) {
        continue;
      }
      try (BufferedReader in = Files.newBufferedReader(part)) {
        for (String line = in.readLine(); line != null; line = in.readLine()) {
          out.write(separator);
          out.write(line);
          separator = ",\n";
        }
      }
    }
    out.write("\n]}\n");
  }
}
