package dev.gyre.deploy.launch;

import dev.gyre.comms.ExitCode;
import dev.gyre.comms.SystemLimits;
import dev.gyre.coordinator.WorkerExit;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.trainer.files.StorageException;
import dev.gyre.trainer.worker.ParentPipe;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The worker processes of a run on this machine. They are terminated when this object is closed or
 * the JVM exits. If the JVM is killed, they notice it by their lease on the coordinator.
 */
public final class LocalWorkers implements AutoCloseable {
  /** Time for a worker to exit after its pipe is closed. */
  private static final Duration PIPE_GRACE = Duration.ofSeconds(3);

  /** Time for a worker to exit by itself: unmapping many gigabytes and closing files takes time. */
  private static final Duration LEAVE_GRACE = Duration.ofSeconds(5);

  /** Time for the kernel to end a process after SIGKILL. */
  private static final Duration KILL_GRACE = Duration.ofSeconds(5);

  /** Receives events of worker processes; each call is on its own thread. */
  public interface Listener {
    /** A worker's process has ended, for any reason, and is not restarted. */
    void exited(WorkerExit exit);

    /**
     * A worker's first process asked for another ({@link ExitCode#WORKER_AGAIN}), which has been
     * started.
     */
    default void startedAgain(int rank) {}

    /** A log cannot be written. Called once; after that nothing more is logged. */
    default void logFailed(StorageException failure) {}
  }

  private record Worker(int rank, int attempt, Process process, Thread output, Path log) {}

  private static final int FIRST = 1;

  private final TreeMap<Integer, Worker> workers = new TreeMap<>();
  private final WorkerCommand command;
  private final RunFolder folder;
  private final Listener listener;
  private final RunLogs logs;
  private final AtomicBoolean closed = new AtomicBoolean();
  private final Thread hook = Thread.ofPlatform().name("gyre-end-workers").unstarted(this::end);

  private LocalWorkers(WorkerCommand command, RunFolder folder, Listener listener, RunLogs logs) {
    this.command = command;
    this.folder = folder;
    this.listener = listener;
    this.logs = logs;
  }

  /**
   * Starts ranks 0 to {@code count − 1}. A worker that requests it before it has joined, because
   * its JVM compiled a kernel badly, is restarted once.
   *
   * @param folder gets {@code logs/rank-N.log}, {@code log.txt} and crash files
   * @throws IOException if a process cannot be started; the others are terminated
   */
  public static LocalWorkers start(
      int count, WorkerCommand command, RunFolder folder, Listener listener) throws IOException {
    LocalWorkers local =
        new LocalWorkers(
            command, folder, listener, new RunLogs(folder, count, listener::logFailed));
    Runtime.getRuntime().addShutdownHook(local.hook);
    try {
      for (int rank = 0; rank < count; rank++) {
        local.startOne(rank, FIRST);
      }
    } catch (IOException
        | RuntimeException
        | Error e) { // for example OutOfMemoryError: no more threads
      local.close();
      throw e;
    }
    return local;
  }

  private synchronized void startOne(int rank, int attempt) throws IOException {
    if (closed.get()) {
      throw new IOException("the workers are being ended");
    }
    Path log = folder.rankLog(rank);
    ProcessBuilder builder =
        new ProcessBuilder(command.line(rank, attempt, folder)).redirectErrorStream(true);
    builder.environment().putAll(command.flags().environment());
    builder.environment().putAll(command.environment());
    builder.environment().put(ParentPipe.VARIABLE, "1");
    Process process = start(builder, rank);
    Thread output =
        // A platform thread: reads from a pipe block and would occupy a carrier thread of virtual
        // threads.
        Thread.ofPlatform()
            .name("gyre-output-" + rank)
            .daemon()
            .start(new WorkerOutput(rank, process.getInputStream(), logs));
    Worker worker = new Worker(rank, attempt, process, output, log);
    workers.put(rank, worker);
    Thread.ofVirtual().name("gyre-exit-" + rank).start(() -> tellExit(worker));
  }

  private static Process start(ProcessBuilder builder, int rank) throws IOException {
    try {
      return builder.start();
    } catch (IOException e) {
      String advice = SystemLimits.advice(e.getMessage()).map(what -> "; " + what).orElse("");
      throw new IOException(
          "cannot start the process of rank %d: %s%s".formatted(rank, e.getMessage(), advice), e);
    }
  }

  /** Reports an exit after the worker's output was read, so that the log is complete. */
  private void tellExit(Worker worker) {
    try {
      int exitCode = worker.process.waitFor();
      // The exit is reported even if a grandchild holds the pipe open.
      worker.output.join(Duration.ofSeconds(1));
      logs.flush(Duration.ofSeconds(1));
      boolean again = exitCode == ExitCode.WORKER_AGAIN.code() && worker.attempt == FIRST;
      if (again && startedAgain(worker.rank)) {
        listener.startedAgain(worker.rank);
      } else {
        listener.exited(
            new WorkerExit(worker.rank, worker.process.pid(), exitCode, worker.log.toString()));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean startedAgain(int rank) {
    try {
      startOne(rank, FIRST + 1);
      return true;
    } catch (IOException e) {
      // The run is ending, or no process can be started: report the end of the first process.
      return false;
    }
  }

  /** Process ids, by rank. */
  public synchronized List<Long> pids() {
    return workers.values().stream().map(worker -> worker.process().pid()).toList();
  }

  /**
   * Waits up to five seconds until all workers have exited by themselves. For a run that succeeded.
   */
  public void awaitLeft() {
    awaitGone(started(), LEAVE_GRACE);
  }

  /**
   * Terminates all workers: closes their pipes, at which they exit, and kills the remaining ones
   * after three seconds. SIGTERM is not used, because workers only report it.
   */
  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException _) {
      // The JVM is shutting down, and the hook does the same; doing it twice is harmless.
    }
    end();
  }

  private synchronized List<Worker> started() {
    return List.copyOf(workers.values());
  }

  private synchronized void end() {
    if (closed.getAndSet(true)) {
      return;
    }
    Collection<Worker> all = workers.values();
    all.forEach(LocalWorkers::closePipe);
    awaitGone(all, PIPE_GRACE);
    all.forEach(worker -> worker.process().destroyForcibly());
    awaitGone(all, KILL_GRACE);
    logs.close();
  }

  private static void closePipe(Worker worker) {
    try {
      worker.process().getOutputStream().close();
    } catch (IOException _) {
      // The process has ended already.
    }
  }

  /** Waits, within the limit, until none of them lives and all output is written. */
  private static void awaitGone(Collection<Worker> workers, Duration limit) {
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
          // An interrupt also asks for the end of the workers, so the wait continues.
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
