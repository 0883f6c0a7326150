package dev.gyre.trainer.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.Progress;
import dev.gyre.comms.control.Alive;
import dev.gyre.comms.control.Assignment;
import dev.gyre.comms.control.Checkpoint;
import dev.gyre.comms.control.CheckpointWritten;
import dev.gyre.comms.control.Committed;
import dev.gyre.comms.control.FailureKind;
import dev.gyre.comms.control.FromWorker.KindCase;
import dev.gyre.comms.control.Heartbeat;
import dev.gyre.comms.control.Hello;
import dev.gyre.comms.control.JoinToken;
import dev.gyre.comms.control.Start;
import dev.gyre.comms.control.Stop;
import dev.gyre.comms.control.ToWorker;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ControlClientTest {
  private static final Hello HELLO = Hello.newBuilder().setRun("x").setWantedRank(1).build();
  private static final Duration LEASE = Duration.ofSeconds(20);
  private static final long SECOND = 1_000_000_000L;

  private final Progress progress = new Progress();
  private final AtomicLong time = new AtomicLong();
  private final BlockingQueue<String> ends = new LinkedBlockingQueue<>();
  private FakeCoordinator server;
  private ControlClient client;

  @BeforeEach
  void connect() throws Exception {
    server = new FakeCoordinator();
    client = open(server.address());
    assertEquals("x", server.expect(KindCase.HELLO).getHello().getRun());
  }

  @AfterEach
  void close() {
    client.close();
    server.close();
  }

  private ControlClient open(InetSocketAddress address) {
    return ControlClient.open(
        address,
        JoinToken.random(),
        HELLO,
        progress,
        LEASE,
        (reason, exitCode) -> ends.add(exitCode + " " + reason),
        time::get);
  }

  private String end() throws InterruptedException {
    String end = ends.poll(20, TimeUnit.SECONDS);
    if (end == null) {
      throw new AssertionError("the end of the run was not reported");
    }
    return end;
  }

  /** Polls as a training thread does between steps. */
  private static void until(BooleanSupplier condition) {
    long deadline = System.nanoTime() + 20 * SECOND;
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < deadline, "did not come true within 20 s");
      LockSupport.parkNanos(2_000_000L);
    }
  }

  private void say(ToWorker.Builder message) throws Exception {
    server.say(message.build());
  }

  private static ToWorker.Builder checkpoint(long number, boolean thenStop) {
    return ToWorker.newBuilder()
        .setCheckpoint(Checkpoint.newBuilder().setNumber(number).setThenStop(thenStop));
  }

  @Test
  void aRunFromHelloToFinish() throws Exception {
    say(ToWorker.newBuilder().setAssignment(Assignment.newBuilder().setRank(1).setPlanJson("p")));
    assertEquals("p", client.awaitAssignment().getPlanJson());
    client.ready(5, 6);
    assertEquals(5, server.expect(KindCase.READY).getReady().getMatmulFlopsPerSecond());
    say(ToWorker.newBuilder().setStart(Start.getDefaultInstance()));
    client.awaitStart();
    client.step(3, "{}");
    assertEquals(3, server.expect(KindCase.STEP).getStep().getStep());
    client.note("warm");
    assertEquals("warm", server.expect(KindCase.NOTE).getNote().getText());
    client.preempted();
    server.expect(KindCase.PREEMPTED);

    CompletableFuture<Boolean> finished =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                client.finish(4, true);
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
              return true;
            });
    assertTrue(server.expect(KindCase.FINISHED).getFinished().getStopped());
    assertFalse(finished.isDone(), "left before the coordinator released it");
    server.complete();
    assertTrue(finished.get(20, TimeUnit.SECONDS));
    assertTrue(ends.isEmpty());
  }

  @Test
  void requestsArePolledAndTheNewestCounts() throws Exception {
    assertEquals(CheckpointRequest.NONE, client.checkpointAsked());
    assertNull(client.committed());
    say(checkpoint(1, false));
    until(() -> client.checkpointAsked().number() == 1);
    assertFalse(client.checkpointAsked().thenStop());
    say(checkpoint(2, true));
    until(() -> client.checkpointAsked().number() == 2);
    assertTrue(client.checkpointAsked().thenStop());
    client.checkpointWritten(CheckpointWritten.newBuilder().setStep(9).build());
    assertEquals(9, server.expect(KindCase.CHECKPOINT).getCheckpoint().getStep());
    say(ToWorker.newBuilder().setCommitted(Committed.newBuilder().setStep(9)));
    until(() -> Committed.newBuilder().setStep(9).build().equals(client.committed()));
  }

  @Test
  void theMaximumOfRequestsIsTheNewest() {
    CheckpointRequest older = new CheckpointRequest(3, true);
    CheckpointRequest newer = new CheckpointRequest(4, false);
    assertEquals(newer, CheckpointRequest.of(Math.max(older.code(), newer.code())));
    assertTrue(CheckpointRequest.NONE.code() < new CheckpointRequest(1, false).code());
    assertEquals(older, CheckpointRequest.of(older.code()));
    long largest = new CheckpointRequest((1L << 23) - 1, true).code();
    assertEquals(largest, (long) (float) largest);
    assertThrows(IllegalArgumentException.class, () -> new CheckpointRequest(1L << 23, false));
  }

  @Test
  void beatsQuoteProgress() throws Exception {
    progress.step(812);
    progress.layer(12);
    progress.phase("ring hop 5 of 8");
    progress.waitingFor(2);
    say(ToWorker.newBuilder().setAssignment(Assignment.getDefaultInstance()));
    client.awaitAssignment();
    client.beat();
    Heartbeat beat = server.expect(KindCase.HEARTBEAT).getHeartbeat();
    assertEquals(812, beat.getStep());
    assertEquals(12, beat.getLayer());
    assertEquals("ring hop 5 of 8", beat.getPhase());
    assertEquals(2, beat.getWaitingFor());
    assertEquals(progress.changes(), beat.getChanges());
  }

  @Test
  void aSilentCoordinatorIsLostWhenTheLeaseIsOver() throws Exception {
    say(ToWorker.newBuilder().setAlive(Alive.getDefaultInstance()));
    say(ToWorker.newBuilder().setAssignment(Assignment.getDefaultInstance()));
    client.awaitAssignment();
    client.beat();
    for (int second = 1; second < 20; second++) {
      time.set(second * SECOND);
      client.beat();
    }
    assertTrue(ends.isEmpty());
    time.set(20 * SECOND);
    client.beat();
    assertEquals("75 the coordinator has been silent for 20 s", end());
    assertThrows(ControlException.class, client::awaitStart);
    assertTrue(ends.isEmpty(), "reported twice");
  }

  @Test
  void aWordOfTheCoordinatorRenewsTheLease() throws Exception {
    for (int second = 1; second < 60; second++) {
      time.set(second * SECOND);
      if (second % 15 == 0) {
        say(ToWorker.newBuilder().setAlive(Alive.getDefaultInstance()));
        say(checkpoint(second, false));
        long number = second;
        until(() -> client.checkpointAsked().number() == number);
      }
      client.beat();
    }
    assertTrue(ends.isEmpty());
  }

  @Test
  void timeThisProcessWasSuspendedDoesNotCount() throws Exception {
    time.set(1 * SECOND);
    client.beat();
    time.set(3600 * SECOND);
    client.beat();

    // One second of the lease had passed before the suspension.
    for (int second = 3601; second < 3619; second++) {
      time.set(second * SECOND);
      client.beat();
    }
    assertTrue(ends.isEmpty());
    time.set(3619 * SECOND);
    client.beat();
    assertTrue(end().startsWith("75 the coordinator has been silent"));
  }

  @Test
  void aBrokenStreamEndsTheRunAtOnce() throws Exception {
    server.close();
    assertTrue(end().startsWith("75 the coordinator is gone"));
    assertEquals(75, assertThrows(ControlException.class, client::awaitAssignment).exitCode());
  }

  @Test
  void aStreamClosedTooEarlyEndsTheRun() throws Exception {
    server.complete();
    assertEquals("75 the coordinator closed the stream", end());
  }

  @Test
  void stopInterruptsWhateverTheTrainingThreadDoes() throws Exception {
    assertNull(client.stopReason());
    say(
        ToWorker.newBuilder()
            .setStop(Stop.newBuilder().setReason("rank 2 was lost").setExitCode(75)));
    server.complete();
    assertEquals("75 rank 2 was lost", end());
    assertEquals("rank 2 was lost", client.stopReason());
    ControlException e = assertThrows(ControlException.class, client::awaitStart);
    assertEquals("rank 2 was lost", e.getMessage());
    assertThrows(ControlException.class, () -> client.finish(1, false));
    assertTrue(ends.isEmpty(), "reported twice");
  }

  @Test
  void aRefusalIsToldWithItsReason() throws Exception {
    server.refuse("this is run y, not x");
    ControlException e = assertThrows(ControlException.class, client::awaitAssignment);
    assertEquals("the coordinator refused this worker: this is run y, not x", e.getMessage());
  }

  @Test
  void aFailedWorkerSaysWhyAndIsNotToldOfTheEnd() throws Exception {
    progress.phase("gradients");
    CompletableFuture<Void> failed =
        CompletableFuture.runAsync(
            () -> {
              try {
                client.fail(FailureKind.FAILURE_KIND_COMMS, "rank 0 is silent", 0);
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
    // The phase at the failure, not that of the last regular heartbeat.
    assertEquals("gradients", server.expect(KindCase.HEARTBEAT).getHeartbeat().getPhase());
    var failure = server.expect(KindCase.FAILURE).getFailure();
    assertEquals("rank 0 is silent", failure.getMessage());
    assertEquals(0, failure.getPeer());
    assertEquals(FailureKind.FAILURE_KIND_COMMS, failure.getKind());
    say(ToWorker.newBuilder().setStop(Stop.newBuilder().setReason("rank 0 was lost")));
    failed.get(20, TimeUnit.SECONDS);
    assertTrue(ends.isEmpty());
  }

  @Test
  void aWorkerWithTheWrongTokenIsToldSo() throws Exception {
    try (FakeCoordinator strict = new FakeCoordinator(JoinToken.random());
        ControlClient stranger = open(strict.address())) {
      ControlException e = assertThrows(ControlException.class, stranger::awaitAssignment);
      assertEquals(
          "the coordinator refused this worker: the run's join token is missing or wrong",
          e.getMessage());
      assertEquals(75, e.exitCode());
    }
  }

  /**
   * The coordinator's disk hangs, so it reads no reports: none is lost, and few are held in memory.
   */
  @Test
  void reportsWaitForACoordinatorThatTakesNone() throws Exception {
    server.takeNothing();
    String json = "x".repeat(10_000);
    AtomicLong sent = new AtomicLong();
    CompletableFuture<Void> training =
        CompletableFuture.runAsync(
            () -> {
              try {
                for (int step = 1; step <= 1000; step++) {
                  client.step(step, json);
                  sent.set(step);
                }
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
    AtomicLong before = new AtomicLong(-1);
    until(
        () -> {
          LockSupport.parkNanos(500_000_000L);
          return sent.get() > 0 && before.getAndSet(sent.get()) == sent.get();
        });
    assertTrue(sent.get() < 500, sent + " reports of 10 kB are held in memory");
    server.takeAll();
    training.get(20, TimeUnit.SECONDS);
    for (int step = 1; step <= 1000; step++) {
      assertEquals(step, server.expect(KindCase.STEP).getStep().getStep());
    }
  }

  @Test
  void aCoordinatorThatComesLaterIsWaitedFor() throws Exception {
    InetSocketAddress address;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      address = new InetSocketAddress(free.getInetAddress(), free.getLocalPort());
    }
    try (ControlClient early = open(address);
        FakeCoordinator late = new FakeCoordinator(address)) {
      late.expect(KindCase.HELLO);
      late.say(ToWorker.newBuilder().setAssignment(Assignment.newBuilder().setRank(1)).build());
      assertEquals(1, early.awaitAssignment().getRank());
    }
  }

  @Test
  void connectBeatsByItself() throws Exception {
    try (FakeCoordinator other = new FakeCoordinator()) {
      ControlClient beating =
          ControlClient.connect(
              other.address(),
              JoinToken.random(),
              HELLO,
              progress,
              LEASE,
              (reason, code) -> ends.add(reason));
      try (beating) {
        other.expect(KindCase.HELLO);
        other.expect(KindCase.HEARTBEAT);
      }
      other.expect(KindCase.KIND_NOT_SET);
    }
    assertTrue(ends.isEmpty(), "closing is no failure");
  }
}
