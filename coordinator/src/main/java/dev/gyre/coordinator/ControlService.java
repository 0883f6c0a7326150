package dev.gyre.coordinator;

import dev.gyre.comms.control.Alive;
import dev.gyre.comms.control.ControlGrpc;
import dev.gyre.comms.control.FromWorker;
import dev.gyre.comms.control.ToWorker;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The gRPC side: turns streams into calls of {@link Events}. Its callbacks run on virtual threads,
 * one at a time per stream, so they may wait for room in the loop's queue and thereby slow the
 * sender down.
 */
final class ControlService extends ControlGrpc.ControlImplBase {
  /** Events of the streams. */
  interface Events {
    void message(WorkerLink link, FromWorker message);

    void broken(WorkerLink link, String how);
  }

  private static final ToWorker ALIVE =
      ToWorker.newBuilder().setAlive(Alive.getDefaultInstance()).build();

  private final Events events;
  private final Set<StreamLink> open = ConcurrentHashMap.newKeySet();

  ControlService(Events events) {
    this.events = events;
  }

  @Override
  public StreamObserver<FromWorker> join(StreamObserver<ToWorker> toWorker) {
    var call = (ServerCallStreamObserver<ToWorker>) toWorker;
    StreamLink link = new StreamLink(call);
    // With a handler set, sending on a cancelled call is ignored instead of thrown.
    call.setOnCancelHandler(() -> broken(link, "cancelled"));
    open.add(link);
    return new StreamObserver<>() {
      @Override
      public void onNext(FromWorker message) {
        events.message(link, message);
      }

      @Override
      public void onError(Throwable t) {
        broken(link, Status.fromThrowable(t).getCode().toString());
      }

      @Override
      public void onCompleted() {
        broken(link, "closed by the worker");
      }
    };
  }

  private void broken(StreamLink link, String how) {
    open.remove(link);
    events.broken(link, how);
  }

  /** Tells every worker that its coordinator lives, whatever the loop is doing. Never blocks. */
  void sayAlive() {
    open.forEach(link -> link.send(ALIVE));
  }

  /** Synchronized, because a gRPC observer allows one caller at a time: the loop, or Alive. */
  private final class StreamLink implements WorkerLink {
    private final ServerCallStreamObserver<ToWorker> call;
    private boolean ended;

    StreamLink(ServerCallStreamObserver<ToWorker> call) {
      this.call = call;
    }

    @Override
    public synchronized void send(ToWorker message) {
      // A worker that does not read gets no further Alive messages; its lease will expire.
      if (!ended && !call.isCancelled() && (call.isReady() || !message.hasAlive())) {
        call.onNext(message);
      }
    }

    @Override
    public synchronized void complete() {
      if (!ended && !call.isCancelled()) {
        call.onCompleted();
      }
      end();
    }

    @Override
    public synchronized void refuse(String reason) {
      if (!ended && !call.isCancelled()) {
        call.onError(Status.FAILED_PRECONDITION.withDescription(reason).asRuntimeException());
      }
      end();
    }

    private void end() {
      ended = true;
      open.remove(this);
    }
  }
}
