package dev.gyre.deploy.launch;

import dev.gyre.coordinator.WorkerExit;
import dev.gyre.deploy.launch.WorkerOutput.MergedLog;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * The worker processes of a run on this machine. They are ended when this is closed, or the JVM
 * exits; should the JVM be killed, they notice by their lease on the coordinator.
 */
public final class LocalWorkers implements AutoCloseable {
  /** Time to leave after SIGTERM; a worker that computes needs none to end. */
  private static final Duration TERM_GRACE = Duration.ofSeconds(3);

  /** Time to leave unasked: unmapping slabs of many gigabytes and closing files takes a moment. */
  private static final Duration LEAVE_GRACE = Duration.ofSeconds(5);

  /** After SIGKILL only the kernel is waited for. */
  private static final Duration KILL_GRACE = Duration.ofSeconds(5);

  private record Worker(int rank, Process process, Thread output) {}

  private final List<Worker> workers = new ArrayList<>();
  private final MergedLog merged;
  private final AtomicBoolean closed = new AtomicBoolean();
  private final Thread hook = Thread.ofPlatform().name("gyre-end-workers").unstarted(this::end);

  private LocalWorkers(MergedLog merged) {
    this.merged = merged;
  }

  /**
   * Starts ranks 0 to {@code count − 1}.
   *
   * @param folder gets {@code logs/rank-N.log}, {@code log.txt} and crash files
   * @param onExit told of every process that ends, however it does; on a thread of its own
   * @throws IOException if a process cannot be started; those that were are ended again
   */
  public static LocalWorkers start(
      int count, WorkerCommand command, RunFolder folder, Consumer<WorkerExit> onExit)
      throws IOException {
    LocalWorkers local = new LocalWorkers(new MergedLog(folder.mergedLog()));
    Runtime.getRuntime().addShutdownHook(local.hook);
    try {
      for (int rank = 0; rank < count; rank++) {
        local.startOne(rank, command, folder, onExit);
      }
    } catch (IOException e) {
      local.endNow();
      throw e;
    }
    return local;
  }

  private synchronized void startOne(
      int rank, WorkerCommand command, RunFolder folder, Consumer<WorkerExit> onExit)
      throws IOException {
    if (closed.get()) {
      throw new IOException("the workers are being ended");
    }
    Path log = folder.rankLog(rank);
    ProcessBuilder builder =
        new ProcessBuilder(command.line(rank, folder.path())).redirectErrorStream(true);
    builder.environment().putAll(command.flags().environment());
    Process process = builder.start();
    process.getOutputStream().close();
    Thread output =
        // A read from a pipe blocks its thread: not for a virtual one, of which carriers are few.
        Thread.ofPlatform()
            .name("gyre-output-" + rank)
            .daemon()
            .start(new WorkerOutput(rank, process.getInputStream(), log, merged));
    workers.add(new Worker(rank, process, output));
    Thread.ofVirtual()
        .name("gyre-exit-" + rank)
        .start(() -> tellExit(rank, process, output, log, onExit));
  }

  /** Its output comes first: whoever is told of the exit finds the last words in the log. */
  private static void tellExit(
      int rank, Process process, Thread output, Path log, Consumer<WorkerExit> onExit) {
    try {
      int exitCode = process.waitFor();
      // A grandchild could hold the pipe open: the exit is told all the same.
      output.join(Duration.ofSeconds(1));
      onExit.accept(new WorkerExit(rank, process.pid(), exitCode, log.toString()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Process ids, by rank. */
  public synchronized List<Long> pids() {
    return workers.stream().map(worker -> worker.process().pid()).toList();
  }

  /**
   * Ends all workers. Those whose run has ended are leaving by themselves, taking down what they
   * have set up: they get five seconds. Then SIGTERM, and three seconds later SIGKILL.
   */
  @Override
  public void close() {
    awaitGone(started(), LEAVE_GRACE);
    endNow();
  }

  private synchronized List<Worker> started() {
    return List.copyOf(workers);
  }

  private void endNow() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException _) {
      // The JVM is shutting down and the hook does the same; the later of the two finds it done.
    }
    end();
  }

  private synchronized void end() {
    if (closed.getAndSet(true)) {
      return;
    }
    workers.forEach(worker -> worker.process().destroy());
    awaitGone(workers, TERM_GRACE);
    workers.forEach(worker -> worker.process().destroyForcibly());
    awaitGone(workers, KILL_GRACE);
    merged.close();
  }

  /** Waits, within the limit, until none of them lives and all output is written. */
  private static void awaitGone(List<Worker> workers, Duration limit) {
    long deadline = System.nanoTime() + limit.toNanos();
    boolean interrupted = false;
    for (Worker worker : workers) {
      boolean looked = false;
      while (!looked) {
        try {
          if (worker.process().waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
            worker.output().join(Duration.ofNanos(Math.max(1, deadline - System.nanoTime())));
          }
          looked = true;
        } catch (InterruptedException e) {
          // Ending the workers is what the interrupter wants too.
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
