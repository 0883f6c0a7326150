package dev.gyre.coordinator;

import dev.gyre.comms.AwakeClock;
import dev.gyre.comms.control.FromWorker;
import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The coordinator of one run: a gRPC server that workers join, and the run's state until its {@link
 * Outcome}. One thread, the loop, owns all state; streams, the launcher and callers hand it events
 * through a bounded queue. Planning and committing run on other threads.
 *
 * <p>All methods may be called from any thread, except from within a {@link RunListener}.
 */
public final class Coordinator implements AutoCloseable {
  private static final long TICK_NANOS = 100_000_000L;
  private static final long ALIVE_EVERY_NANOS = 1_000_000_000L;
  private static final int QUEUE_LENGTH = 4096;

  /** A plan for thousands of workers is some tens of megabytes of JSON. */
  private static final int MESSAGE_BYTES = 64 << 20;

  private static final long CLOSE_SECONDS = 2;

  private final BlockingQueue<Runnable> events = new LinkedBlockingQueue<>(QUEUE_LENGTH);
  private final CompletableFuture<Outcome> outcome = new CompletableFuture<>();
  private final ExecutorService work =
      Executors.newSingleThreadExecutor(Thread.ofVirtual().name("gyre-work").factory());
  private final AwakeClock clock;
  private final Job job;
  private final ControlService service;
  private final Server server;
  private final Thread loop;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile JobState state = JobState.PLANNING;
  private volatile boolean closed;

  private Coordinator(
      RunSetup setup,
      PlanMaker planMaker,
      CheckpointCommitter committer,
      RunListener listener,
      LongSupplier nanoTime) {
    clock = new AwakeClock(nanoTime);
    job = new Job(setup, new OffLoop(planMaker, committer), listener, clock.nanos());
    service = new ControlService(new StreamEvents());
    server =
        NettyServerBuilder.forAddress(setup.address())
            .addService(service)
            .intercept(setup.token().required())
            .executor(Thread::startVirtualThread)
            .maxInboundMessageSize(MESSAGE_BYTES)
            .build();
    loop = Thread.ofPlatform().name("gyre-coordinator").daemon().unstarted(this::run);
  }

  /**
   * Starts listening. Workers may join from now on.
   *
   * @throws IOException if the address cannot be bound
   */
  public static Coordinator open(
      RunSetup setup, PlanMaker planMaker, CheckpointCommitter committer, RunListener listener)
      throws IOException {
    return open(setup, planMaker, committer, listener, System::nanoTime);
  }

  /**
   * As above, with an injected clock.
   *
   * @param nanoTime monotonic nanoseconds, like {@link System#nanoTime}
   */
  public static Coordinator open(
      RunSetup setup,
      PlanMaker planMaker,
      CheckpointCommitter committer,
      RunListener listener,
      LongSupplier nanoTime)
      throws IOException {
    Coordinator coordinator = new Coordinator(setup, planMaker, committer, listener, nanoTime);
    try {
      coordinator.server.start();
    } catch (IOException e) {
      coordinator.work.shutdown();
      throw new IOException("the coordinator cannot listen on " + setup.address(), e);
    }
    coordinator.loop.start();
    Thread.ofPlatform().name("gyre-alive").daemon().start(coordinator::sayAlive);
    return coordinator;
  }

  /** Where workers connect to. */
  public InetSocketAddress address() {
    return (InetSocketAddress) server.getListenSockets().getFirst();
  }

  public JobState state() {
    return state;
  }

  /** Completes, never exceptionally, when the run has ended. */
  public CompletableFuture<Outcome> outcome() {
    return outcome.copy();
  }

  /** Waits for the end of the run, as long as it takes. */
  public Outcome await() throws InterruptedException {
    try {
      return outcome.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException("an outcome is never exceptional", e);
    }
  }

  /** Asks for a checkpoint now; the run goes on. Without effect unless it is running. */
  public void requestCheckpoint() {
    post(job::requestCheckpoint);
  }

  /**
   * Asks the workers to write a checkpoint and end. Before the first step there is nothing to save,
   * and the run stops at once. A preemption that has not finished within its grace period stops
   * too.
   */
  public void checkpointAndStop(StopCause cause) {
    post(() -> job.checkpointAndStop(cause, clock.nanos()));
  }

  /** Ends the run at once, saving nothing. */
  public void stopNow(StopCause cause) {
    post(() -> job.stopNow(cause));
  }

  /**
   * Ends the run as failed, for a reason outside of it that may pass, such as a full disk.
   *
   * @param why message for the user: what, where, and what to do
   */
  public void fail(String why) {
    post(() -> job.failed(why));
  }

  /** Reports that a worker process has ended, however it did. */
  public void workerExited(WorkerExit exit) {
    post(() -> job.exited(exit, clock.nanos()));
  }

  /** Ends the run if it has not ended, and closes the server. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    post(job::closed);
    closed = true;
    boolean interrupted = false;
    try {
      loop.join();
      server.shutdown();
      if (!server.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
        server.shutdownNow();
        server.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS);
      }
    } catch (InterruptedException e) {
      interrupted = true;
    }
    server.shutdownNow();
    ended.countDown();
    work.shutdownNow();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** On a thread that does nothing else: whatever holds the loop up must not end the workers. */
  private void sayAlive() {
    try {
      do {
        service.sayAlive();
      } while (!ended.await(ALIVE_EVERY_NANOS, TimeUnit.NANOSECONDS));
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt(); // nobody does; the leases would then end the workers
    }
  }

  private void run() {
    while (!closed || !events.isEmpty()) {
      try {
        Runnable event = events.poll(TICK_NANOS, TimeUnit.NANOSECONDS);
        if (event != null) {
          event.run();
        }
        job.tick(clock.nanos());
      } catch (InterruptedException e) {
        job.broken(e);
      } catch (RuntimeException | Error e) {
        job.broken(e);
      }
      state = job.state();
    }
  }

  /** Waits for room in the queue. After the end of the run the event is dropped. */
  private void post(Runnable event) {
    boolean interrupted = false;
    boolean posted = false;
    while (!posted && !closed && loop.isAlive()) {
      try {
        posted = events.offer(event, TICK_NANOS, TimeUnit.NANOSECONDS);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private final class StreamEvents implements ControlService.Events {
    @Override
    public void message(WorkerLink link, FromWorker message) {
      post(() -> job.message(link, message, clock.nanos()));
    }

    @Override
    public void broken(WorkerLink link, String how) {
      post(() -> job.broken(link, how, clock.nanos()));
    }
  }

  private final class OffLoop implements Job.Work {
    private final PlanMaker planMaker;
    private final CheckpointCommitter committer;

    OffLoop(PlanMaker planMaker, CheckpointCommitter committer) {
      this.planMaker = planMaker;
      this.committer = committer;
    }

    @Override
    public void plan(List<JoinedWorker> workers) {
      work.execute(
          () -> {
            try {
              PlanMaker.Result result = planMaker.plan(workers);
              post(() -> job.planned(result, clock.nanos()));
            } catch (IOException e) {
              post(() -> job.failed(String.valueOf(e.getMessage())));
            } catch (RuntimeException | Error e) {
              post(() -> job.broken(e));
            }
          });
    }

    @Override
    public void commit(WrittenCheckpoint checkpoint) {
      work.execute(
          () -> {
            try {
              String folder = committer.commit(checkpoint);
              post(() -> job.committed(checkpoint.step(), folder, clock.nanos()));
            } catch (IOException e) {
              post(() -> job.notCommitted(checkpoint.step(), e));
            } catch (RuntimeException | Error e) {
              post(() -> job.broken(e));
            }
          });
    }

    @Override
    public void ended(Outcome ending) {
      state = ending.state();
      outcome.complete(ending);
    }
  }
}
