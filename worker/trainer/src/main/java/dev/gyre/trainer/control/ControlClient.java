package dev.gyre.trainer.control;

import dev.gyre.comms.AwakeClock;
import dev.gyre.comms.ExitCode;
import dev.gyre.comms.Progress;
import dev.gyre.comms.control.Assignment;
import dev.gyre.comms.control.Checkpoint;
import dev.gyre.comms.control.CheckpointWritten;
import dev.gyre.comms.control.Committed;
import dev.gyre.comms.control.ControlGrpc;
import dev.gyre.comms.control.Failure;
import dev.gyre.comms.control.FailureKind;
import dev.gyre.comms.control.Finished;
import dev.gyre.comms.control.FromWorker;
import dev.gyre.comms.control.Heartbeat;
import dev.gyre.comms.control.Hello;
import dev.gyre.comms.control.JoinToken;
import dev.gyre.comms.control.Note;
import dev.gyre.comms.control.Preempted;
import dev.gyre.comms.control.Ready;
import dev.gyre.comms.control.StepReport;
import dev.gyre.comms.control.Stop;
import dev.gyre.comms.control.ToWorker;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A worker's stream to the coordinator. The training thread sends and polls. A thread of its own
 * sends a heartbeat every second and watches the lease, so that a worker whose coordinator vanished
 * ends.
 *
 * <p>Methods may be called from any thread. Those named {@code await…}, {@link #finish} and {@link
 * #fail} wait, each within the lease; the others return at once.
 */
public final class ControlClient implements AutoCloseable {
  /** Exit code of a worker that is not the cause of the failure. */
  private static final int TRY_AGAIN = ExitCode.TRY_AGAIN.code();

  private static final Duration BEAT = Duration.ofSeconds(1);

  /** A plan for thousands of workers is some tens of megabytes of JSON. */
  private static final int MESSAGE_BYTES = 64 << 20;

  /** Longer than the coordinator's diagnosis takes, for which a failed worker waits. */
  private static final long FAREWELL_SECONDS = 10;

  private final Progress progress;
  private final long leaseNanos;
  private final EndOfRun onEnd;
  private final AwakeClock clock;
  private final ManagedChannel channel;
  private final CompletableFuture<Assignment> assignment = new CompletableFuture<>();
  private final CompletableFuture<Void> start = new CompletableFuture<>();
  private final CompletableFuture<Void> over = new CompletableFuture<>();
  private final AtomicBoolean ended = new AtomicBoolean();
  private final CountDownLatch closed = new CountDownLatch(1);

  // A gRPC observer allows one caller at a time: every send holds this lock.
  private final Object sending = new Object();
  private @Nullable ClientCallStreamObserver<FromWorker> stream;

  private volatile CheckpointRequest asked = CheckpointRequest.NONE;
  private volatile @Nullable Committed committed;
  private volatile @Nullable String stopReason;
  private volatile boolean leaving;
  private volatile boolean heard;

  // Of the beating thread.
  private long heardNanos;

  private ControlClient(
      InetSocketAddress coordinator,
      JoinToken token,
      Progress progress,
      Duration lease,
      EndOfRun onEnd,
      LongSupplier nanoTime) {
    this.progress = progress;
    this.leaseNanos = lease.toNanos();
    this.onEnd = onEnd;
    this.clock = new AwakeClock(nanoTime);
    this.heardNanos = clock.nanos();
    this.channel =
        NettyChannelBuilder.forAddress(coordinator)
            .usePlaintext()
            .intercept(token.shown())
            .executor(Thread::startVirtualThread)
            .maxInboundMessageSize(MESSAGE_BYTES)
            .build();
  }

  /**
   * Connects, sends hello, and starts heartbeats. Does not block: {@link #awaitAssignment} waits
   * within the lease for a coordinator that is not there yet.
   *
   * @param token of the run, which the coordinator asks for
   * @param progress kept up to date by the training thread, and sent in heartbeats
   * @param lease a coordinator that is silent for this long counts as gone
   */
  public static ControlClient connect(
      InetSocketAddress coordinator,
      JoinToken token,
      Hello hello,
      Progress progress,
      Duration lease,
      EndOfRun onEnd) {
    ControlClient client =
        open(coordinator, token, hello, progress, lease, onEnd, System::nanoTime);
    Thread.ofPlatform().name("gyre-heartbeat").daemon().start(client::beatUntilClosed);
    return client;
  }

  /** Without the heartbeat thread: the caller calls {@link #beat}. */
  static ControlClient open(
      InetSocketAddress coordinator,
      JoinToken token,
      Hello hello,
      Progress progress,
      Duration lease,
      EndOfRun onEnd,
      LongSupplier nanoTime) {
    ControlClient client = new ControlClient(coordinator, token, progress, lease, onEnd, nanoTime);
    ControlGrpc.newStub(client.channel).withWaitForReady().join(client.new FromCoordinator());
    client.send(FromWorker.newBuilder().setHello(hello).build());
    return client;
  }

  // ---- joining

  /**
   * Waits until all workers have joined and the plan is made.
   *
   * @throws ControlException if the coordinator refuses this worker, ends the run or is gone
   */
  public Assignment awaitAssignment() throws InterruptedException {
    return await(assignment);
  }

  /** The data plane is open and the weights are loaded. */
  public void ready(long matmulFlopsPerSecond, long memoryBytesUsed) {
    send(
        FromWorker.newBuilder()
            .setReady(
                Ready.newBuilder()
                    .setMatmulFlopsPerSecond(matmulFlopsPerSecond)
                    .setMemoryBytesUsed(memoryBytesUsed))
            .build());
  }

  /**
   * Waits until all workers are ready.
   *
   * @throws ControlException if the coordinator ends the run or is gone
   */
  public void awaitStart() throws InterruptedException {
    await(start);
  }

  // ---- while training

  /**
   * @param json one object, written unchanged to metrics.jsonl
   */
  public void step(long step, String json) throws InterruptedException {
    awaitRoom();
    send(
        FromWorker.newBuilder()
            .setStep(StepReport.newBuilder().setStep(step).setJson(json))
            .build());
  }

  /** A line for the user. */
  public void note(String text) {
    send(FromWorker.newBuilder().setNote(Note.newBuilder().setText(text)).build());
  }

  /** The newest request for a checkpoint; {@link CheckpointRequest#NONE} if there was none. */
  public CheckpointRequest checkpointAsked() {
    return asked;
  }

  /** Why the coordinator stopped the run; null if it has not. {@link EndOfRun} is called too. */
  public @Nullable String stopReason() {
    return stopReason;
  }

  /** This rank's files are written and synced. */
  public void checkpointWritten(CheckpointWritten written) {
    send(FromWorker.newBuilder().setCheckpoint(written).build());
  }

  /** The newest checkpoint that was committed in this run, null if none was yet. */
  public @Nullable Committed committed() {
    return committed;
  }

  /** This worker's machine is being preempted. */
  public void preempted() {
    send(FromWorker.newBuilder().setPreempted(Preempted.getDefaultInstance()).build());
  }

  // ---- leaving

  /**
   * This worker has finished. Returns when all workers have, and their checkpoints are committed,
   * so that no worker frees memory that a peer still reads.
   *
   * @param stopped it ended early, because it was asked to
   * @throws ControlException if the run failed in the meantime
   */
  public void finish(long steps, boolean stopped) throws InterruptedException {
    leaving = true;
    send(
        FromWorker.newBuilder()
            .setFinished(Finished.newBuilder().setSteps(steps).setStopped(stopped))
            .build());
    await(over);
  }

  /**
   * This worker has failed. Returns when the coordinator has acknowledged it, or after a short
   * timeout. {@link EndOfRun} is no longer called.
   *
   * @param peer the rank that was waited for, −1 if none
   */
  public void fail(FailureKind kind, String message, int peer) throws InterruptedException {
    ended.set(true);
    send(heartbeat()); // where it is now, not where it was at the last beat
    send(
        FromWorker.newBuilder()
            .setFailure(Failure.newBuilder().setKind(kind).setMessage(message).setPeer(peer))
            .build());
    try {
      over.get(FAREWELL_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      // Acknowledged or not, this worker ends now; its exit code reports the failure too.
      return;
    }
  }

  /** Breaks the stream if it is still open. */
  @Override
  public void close() {
    ended.set(true);
    closed.countDown();
    channel.shutdownNow();
  }

  // ---- beats and lease

  private void beatUntilClosed() {
    try {
      while (!closed.await(BEAT.toMillis(), TimeUnit.MILLISECONDS)) {
        beat();
      }
    } catch (InterruptedException e) {
      end("the heartbeat thread was interrupted", TRY_AGAIN);
    }
  }

  /** Sends one heartbeat, and ends the run if the lease has expired. */
  void beat() {
    long now = clock.nanos();
    if (heard) {
      heard = false;
      heardNanos = now;
    }
    long silent = now - heardNanos;
    if (silent >= leaseNanos) {
      end(
          "the coordinator has been silent for %d s"
              .formatted(TimeUnit.NANOSECONDS.toSeconds(silent)),
          TRY_AGAIN);
      return;
    }
    send(heartbeat());
  }

  private FromWorker heartbeat() {
    return FromWorker.newBuilder()
        .setHeartbeat(
            Heartbeat.newBuilder()
                .setStep(progress.step())
                .setLayer(progress.layer())
                .setPhase(progress.phase())
                .setChanges(progress.changes())
                .setWaitingFor(progress.waitingFor())
                .setOnStorage(progress.onStorage()))
        .build();
  }

  private void send(FromWorker message) {
    synchronized (sending) {
      // A broken stream has notified its response observer; a full one needs no more heartbeats.
      if (stream != null && !over.isDone() && (stream.isReady() || !message.hasHeartbeat())) {
        stream.onNext(message);
      }
    }
  }

  /**
   * Waits while the coordinator takes no reports, because its files do not move: no report is
   * dropped, and they must not fill this process's memory.
   */
  private void awaitRoom() throws InterruptedException {
    synchronized (sending) {
      while (stream != null && !stream.isReady() && !over.isDone()) {
        sending.wait(BEAT.toMillis());
      }
    }
  }

  private void room() {
    synchronized (sending) {
      sending.notifyAll();
    }
  }

  private static <T> T await(CompletableFuture<T> future) throws InterruptedException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof ControlException cause) {
        throw new ControlException(String.valueOf(cause.getMessage()), cause.exitCode());
      }
      throw new IllegalStateException(e.getCause());
    }
  }

  /** Wakes all waiting threads, and calls {@link EndOfRun} unless this worker is ending anyway. */
  private void end(String reason, int exitCode) {
    ControlException why = new ControlException(reason, exitCode);
    assignment.completeExceptionally(why);
    start.completeExceptionally(why);
    over.completeExceptionally(why);
    if (ended.compareAndSet(false, true)) {
      Thread.ofPlatform().name("gyre-end").daemon().start(() -> onEnd.ended(reason, exitCode));
    }
  }

  private final class FromCoordinator implements ClientResponseObserver<FromWorker, ToWorker> {
    @Override
    public void beforeStart(ClientCallStreamObserver<FromWorker> requests) {
      synchronized (sending) {
        stream = requests;
      }
      requests.setOnReadyHandler(ControlClient.this::room);
    }

    @Override
    public void onNext(ToWorker message) {
      heard = true;
      switch (message.getKindCase()) {
        case ASSIGNMENT -> assignment.complete(message.getAssignment());
        case START -> start.complete(null);
        case CHECKPOINT -> {
          Checkpoint request = message.getCheckpoint();
          asked = new CheckpointRequest(request.getNumber(), request.getThenStop());
        }
        case STOP -> {
          Stop stop = message.getStop();
          stopReason = stop.getReason();
          end(stop.getReason(), stop.getExitCode());
        }
        case COMMITTED -> committed = message.getCommitted();
        case ALIVE, KIND_NOT_SET -> {}
      }
    }

    @Override
    public void onError(Throwable t) {
      Status status = Status.fromThrowable(t);
      if (status.getCode() == Status.Code.FAILED_PRECONDITION
          || status.getCode() == Status.Code.UNAUTHENTICATED) {
        end("the coordinator refused this worker: " + status.getDescription(), TRY_AGAIN);
      } else {
        end("the coordinator is gone (" + status.getCode() + ")", TRY_AGAIN);
      }
    }

    @Override
    public void onCompleted() {
      if (leaving) {
        ended.set(true);
        over.complete(null);
      } else {
        end("the coordinator closed the stream", TRY_AGAIN);
      }
    }
  }
}
