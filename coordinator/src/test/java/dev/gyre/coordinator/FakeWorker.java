package dev.gyre.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.comms.control.ControlGrpc;
import dev.gyre.comms.control.FromWorker;
import dev.gyre.comms.control.JoinToken;
import dev.gyre.comms.control.ToWorker;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.net.InetSocketAddress;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A worker's control stream, driven by a test. */
final class FakeWorker implements AutoCloseable {
  private static final long DEADLINE_SECONDS = 20;

  /** The end of a stream, in the inbox after the last message. */
  private record End(Status status) {}

  private final BlockingQueue<Object> inbox = new LinkedBlockingQueue<>();
  private final ManagedChannel channel;
  private final StreamObserver<FromWorker> out;

  FakeWorker(InetSocketAddress address, JoinToken token) {
    this(NettyChannelBuilder.forAddress(address).usePlaintext().intercept(token.shown()).build());
  }

  private FakeWorker(ManagedChannel channel) {
    this.channel = channel;
    out =
        ControlGrpc.newStub(channel)
            .join(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ToWorker message) {
                    inbox.add(message);
                  }

                  @Override
                  public void onError(Throwable t) {
                    inbox.add(new End(Status.fromThrowable(t)));
                  }

                  @Override
                  public void onCompleted() {
                    inbox.add(new End(Status.OK));
                  }
                });
  }

  /** A worker without the run's join token. */
  static FakeWorker withoutToken(InetSocketAddress address) {
    return new FakeWorker(NettyChannelBuilder.forAddress(address).usePlaintext().build());
  }

  void say(FromWorker message) {
    out.onNext(message);
  }

  /** The next message, which must be of this kind; skips the coordinator's heartbeats. */
  ToWorker expect(ToWorker.KindCase kind) throws InterruptedException {
    Object next = next();
    if (!(next instanceof ToWorker message)) {
      throw new AssertionError("expected " + kind + ", the stream ended: " + next);
    }
    assertEquals(kind, message.getKindCase());
    return message;
  }

  /** Waits for the next heartbeat of the coordinator; skips all other messages. */
  void expectAlive() throws InterruptedException {
    Object next = inbox.poll(DEADLINE_SECONDS, TimeUnit.SECONDS);
    while (!(next instanceof ToWorker message && message.hasAlive())) {
      if (next == null) {
        throw new AssertionError("nothing came within " + DEADLINE_SECONDS + " s");
      }
      next = inbox.poll(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }
  }

  /** Waits for any message of the coordinator. */
  void expectAnything() throws InterruptedException {
    if (inbox.poll(DEADLINE_SECONDS, TimeUnit.SECONDS) == null) {
      throw new AssertionError("nothing came within " + DEADLINE_SECONDS + " s");
    }
  }

  Status expectEnd() throws InterruptedException {
    if (next() instanceof End(Status status)) {
      return status;
    }
    throw new AssertionError("the stream did not end");
  }

  private Object next() throws InterruptedException {
    while (true) {
      Object next = inbox.poll(DEADLINE_SECONDS, TimeUnit.SECONDS);
      if (next == null) {
        throw new AssertionError("nothing came within " + DEADLINE_SECONDS + " s");
      }
      if (!(next instanceof ToWorker message && message.hasAlive())) {
        return next;
      }
    }
  }

  /** Closes the connection without a message, like a process that was killed. */
  @Override
  public void close() {
    channel.shutdownNow();
  }
}
