package dev.gyre.trainer.control;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.comms.control.ControlGrpc;
import dev.gyre.comms.control.FromWorker;
import dev.gyre.comms.control.JoinToken;
import dev.gyre.comms.control.ToWorker;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/** The coordinator's end of a control stream, driven by a test. */
final class FakeCoordinator extends ControlGrpc.ControlImplBase implements AutoCloseable {
  private static final long DEADLINE_SECONDS = 20;

  private final BlockingQueue<FromWorker> inbox = new LinkedBlockingQueue<>();
  private final CompletableFuture<StreamObserver<ToWorker>> stream = new CompletableFuture<>();
  private final ReentrantLock taking = new ReentrantLock();
  private final Server server;

  FakeCoordinator(InetSocketAddress address) throws IOException {
    server = NettyServerBuilder.forAddress(address).addService(this).build().start();
  }

  /** A fake coordinator that requires a token. */
  FakeCoordinator(JoinToken token) throws IOException {
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .addService(this)
            .intercept(token.required())
            .build()
            .start();
  }

  FakeCoordinator() throws IOException {
    this(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
  }

  InetSocketAddress address() {
    return (InetSocketAddress) server.getListenSockets().getFirst();
  }

  @Override
  public StreamObserver<FromWorker> join(StreamObserver<ToWorker> toWorker) {
    stream.complete(toWorker);
    return new StreamObserver<>() {
      @Override
      public void onNext(FromWorker message) {
        taking.lock();
        try {
          inbox.add(message);
        } finally {
          taking.unlock();
        }
      }

      @Override
      public void onError(Throwable t) {
        inbox.add(FromWorker.getDefaultInstance());
      }

      @Override
      public void onCompleted() {
        inbox.add(FromWorker.getDefaultInstance());
      }
    };
  }

  /** The next message, which must be of this kind; {@code KIND_NOT_SET} for the stream's end. */
  FromWorker expect(FromWorker.KindCase kind) throws InterruptedException {
    FromWorker message = inbox.poll(DEADLINE_SECONDS, TimeUnit.SECONDS);
    if (message == null) {
      throw new AssertionError("no " + kind + " within " + DEADLINE_SECONDS + " s");
    }
    assertEquals(kind, message.getKindCase());
    return message;
  }

  /** From now on delivering a message blocks, until the same thread calls {@link #takeAll}. */
  void takeNothing() {
    taking.lock();
  }

  void takeAll() {
    taking.unlock();
  }

  void say(ToWorker message) throws Exception {
    stream.get(DEADLINE_SECONDS, TimeUnit.SECONDS).onNext(message);
  }

  void complete() throws Exception {
    stream.get(DEADLINE_SECONDS, TimeUnit.SECONDS).onCompleted();
  }

  void refuse(String reason) throws Exception {
    stream
        .get(DEADLINE_SECONDS, TimeUnit.SECONDS)
        .onError(Status.FAILED_PRECONDITION.withDescription(reason).asRuntimeException());
  }

  /** Closes the connection without a message, like a process that was killed. */
  @Override
  public void close() {
    server.shutdownNow();
  }
}
