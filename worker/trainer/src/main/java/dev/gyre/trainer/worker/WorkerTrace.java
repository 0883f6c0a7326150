package dev.gyre.trainer.worker;

import dev.gyre.comms.Progress;
import dev.gyre.comms.Trace;
import dev.gyre.comms.control.Assignment;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.KernelCall;
import dev.gyre.kernels.Kernels;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.jspecify.annotations.Nullable;

/** This rank's part of the run's trace, written when the rank ends normally or fails. */
public final class WorkerTrace implements AutoCloseable {
  private final @Nullable Trace trace;
  private final int rank;
  private final Path file;

  private WorkerTrace(@Nullable Trace trace, int rank, Path file) {
    this.trace = trace;
    this.rank = rank;
    this.file = file;
  }

  /** Does nothing if the launcher asked for no trace. */
  static WorkerTrace start(WorkerOptions options, Assignment assignment, Progress progress) {
    Trace trace = null;
    if (options.traceBaseNanos() != 0) {
      trace = new Trace(options.traceBaseNanos(), Trace.DEFAULT_SPANS);
      progress.traceTo(trace);
    }
    int rank = assignment.getRank();
    return new WorkerTrace(trace, rank, part(Path.of(assignment.getRunFolder()), rank));
  }

  /** File with a rank's events, one JSON object per line, until the launcher merges all ranks'. */
  public static Path part(Path runFolder, int rank) {
    return runFolder.resolve("trace-rank-" + rank + ".jsonl");
  }

  /** The backend with every kernel call traced; the same one if there is no trace. */
  static Backend draw(Backend backend, @Nullable Trace trace) {
    if (trace == null) {
      return backend;
    }
    Kernels kernels = backend.kernels();
    return backend.withKernels(
        KernelCall.receivedBy(
            call -> {
              long began = System.nanoTime();
              call.on(kernels);
              trace.kernel(call.kernel(), began);
            }));
  }

  @Override
  public void close() throws IOException {
    if (trace != null) {
      // Moved when complete: a rank that is killed meanwhile leaves no unreadable file.
      Path draft = file.resolveSibling(file.getFileName() + ".new");
      try (Writer out = Files.newBufferedWriter(draft)) {
        trace.write(rank, out);
      }
      Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
    }
  }
}
