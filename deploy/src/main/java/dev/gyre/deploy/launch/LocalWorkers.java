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
 * The worker processes of a run on this machine. They are ended when this is closed, or the JVM
 * exits; should the JVM be killed, they notice by their lease on the coordinator.
 */
public final class LocalWorkers implements AutoCloseable {
  /** Time to leave when the pipe is closed; a worker that computes needs none to end. */
  private static final Duration PIPE_GRACE = Duration.ofSeconds(3);

  /** Time to leave unasked: unmapping slabs of many gigabytes and closing files takes a moment. */
  private static final Duration LEAVE_GRACE = Duration.ofSeconds(5);

  /** After SIGKILL only the kernel is waited for. */
  private static final Duration KILL_GRACE = Duration.ofSeconds(5);

  /** Hears of processes; each call on a thread of its own. */
  public interface Listener {
    /** A worker's process has ended, however it did, and no other takes its place. */
    void exited(WorkerExit exit);

    /**
     * A worker's first process asked for another ({@link ExitCode#WORKER_AGAIN}), which has been
     * started.
     */
    default void startedAgain(int rank) {}

    /** A log cannot be written; told once, and nothing more is logged. */
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
   * Starts ranks 0 to {@code count − 1}. A worker that asks for it before it has joined, as its JVM
   * compiled a kernel badly, is started once more.
   *
   * @param folder gets {@code logs/rank-N.log}, {@code log.txt} and crash files
   * @throws IOException if a process cannot be started; those that were are ended again
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
    } catch (IOException | RuntimeException | Error e) { // of which one is: no more threads
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
        // A read from a pipe blocks its thread: not for a virtual one, of which carriers are few.
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

  /** Its output comes first: whoever is told of the exit finds the last words in the log. */
  private void tellExit(Worker worker) {
    try {
      int exitCode = worker.process.waitFor();
      // A grandchild could hold the pipe open: the exit is told all the same.
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
      // The run is ending, or the machine is full: the first process's end is then the worker's.
      return false;
    }
  }

  /** Process ids, by rank. */
  public synchronized List<Long> pids() {
    return workers.values().stream().map(worker -> worker.process().pid()).toList();
  }

  /**
   * Waits until all have ended by themselves, taking down what they have set up: five seconds at
   * most. For a run that ended well.
   */
  public void awaitLeft() {
    awaitGone(started(), LEAVE_GRACE);
  }

  /**
   * Ends all workers at once: closes their pipes, on which they end, and kills what is left three
   * seconds later. SIGTERM would only be reported.
   */
  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException _) {
      // The JVM is shutting down and the hook does the same; the later of the two finds it done.
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
      // It has ended already.
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
