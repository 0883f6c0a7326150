package dev.gyre.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.comms.control.FailureKind;
import dev.gyre.comms.control.JoinToken;
import dev.gyre.comms.control.ToWorker.KindCase;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The whole coordinator over gRPC on the loopback address. */
@Timeout(60)
class CoordinatorTest {
  private final BlockingQueue<String> events = new LinkedBlockingQueue<>();
  private final List<AutoCloseable> open = new ArrayList<>();
  private final JoinToken token = JoinToken.random();

  private final RunListener listener =
      new RunListener() {
        @Override
        public void step(int rank, long step, String json) {
          events.add("step " + rank + " " + step);
        }

        @Override
        public void note(int rank, String text) {
          events.add("note " + rank + " " + text);
        }

        @Override
        public void stalled(int rank, String text) {
          events.add("stalled " + rank);
        }

        @Override
        public void checkpointCommitted(long step, String folder) {
          events.add("committed " + step + " " + folder);
        }
      };

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
  }

  private Coordinator coordinator(
      int workers, PlanMaker planMaker, CheckpointCommitter committer, LongSupplier clock)
      throws IOException {
    RunSetup setup =
        RunSetup.local(Say.RUN, workers, "{}", Path.of("runs", "x"), token)
            .withTiming(JobBench.TIMING);
    Coordinator coordinator = Coordinator.open(setup, planMaker, committer, listener, clock);
    open.add(coordinator);
    return coordinator;
  }

  private Coordinator coordinator(int workers) throws IOException {
    return coordinator(
        workers,
        joined -> JobBench.madePlan("plan for " + joined.size()),
        checkpoint -> "c/step-" + checkpoint.step(),
        System::nanoTime);
  }

  private FakeWorker worker(Coordinator coordinator, int rank) {
    FakeWorker worker = new FakeWorker(coordinator.address(), token);
    open.add(worker);
    worker.say(Say.hello(rank));
    return worker;
  }

  private List<FakeWorker> started(Coordinator coordinator, int count) throws InterruptedException {
    List<FakeWorker> workers = new ArrayList<>();
    for (int rank = 0; rank < count; rank++) {
      workers.add(worker(coordinator, rank));
    }
    for (FakeWorker worker : workers) {
      worker.expect(KindCase.ASSIGNMENT);
      worker.say(Say.ready());
    }
    for (FakeWorker worker : workers) {
      worker.expect(KindCase.START);
    }
    return workers;
  }

  private static Outcome end(Coordinator coordinator) throws Exception {
    try {
      return coordinator.outcome().get(20, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new AssertionError("the run does not end; it is " + coordinator.state(), e);
    }
  }

  private void expect(String event) throws InterruptedException {
    assertEquals(event, events.poll(20, TimeUnit.SECONDS));
  }

  @Test
  void aRunFromHelloToDone() throws Exception {
    Coordinator coordinator = coordinator(3);
    assertTrue(coordinator.address().getAddress().isLoopbackAddress());
    FakeWorker two = worker(coordinator, 2);
    FakeWorker zero = worker(coordinator, 0);
    FakeWorker one = worker(coordinator, 1);
    assertEquals(1, one.expect(KindCase.ASSIGNMENT).getAssignment().getRank());
    assertEquals("plan for 3", two.expect(KindCase.ASSIGNMENT).getAssignment().getPlanJson());
    zero.expect(KindCase.ASSIGNMENT);
    for (FakeWorker worker : List.of(zero, one, two)) {
      worker.say(Say.ready());
    }
    for (FakeWorker worker : List.of(zero, one, two)) {
      worker.expect(KindCase.START);
    }
    zero.say(Say.step(0, "{}"));
    zero.say(Say.note("warm"));
    expect("step 0 0");
    expect("note 0 warm");

    coordinator.requestCheckpoint();
    for (FakeWorker worker : List.of(zero, one, two)) {
      assertEquals(1, worker.expect(KindCase.CHECKPOINT).getCheckpoint().getNumber());
    }
    one.say(Say.written(1, "c/tmp", 1));
    two.say(Say.written(1, "c/tmp", 2));
    zero.say(Say.written(1, "c/tmp", 0));
    for (FakeWorker worker : List.of(zero, one, two)) {
      assertEquals("c/step-1", worker.expect(KindCase.COMMITTED).getCommitted().getFolder());
    }
    expect("committed 1 c/step-1");
    assertEquals(JobState.RUNNING, coordinator.state());

    for (FakeWorker worker : List.of(zero, one, two)) {
      worker.say(Say.finished(2, false));
    }
    for (FakeWorker worker : List.of(zero, one, two)) {
      assertEquals(Status.Code.OK, worker.expectEnd().getCode());
    }
    Outcome outcome = end(coordinator);
    assertEquals(ExitCode.DONE, outcome.exit());
    assertEquals("c/step-1", outcome.newestCheckpoint());
  }

  @Test
  void aRefusedPlanStopsEveryWorker() throws Exception {
    Coordinator coordinator =
        coordinator(
            2,
            _ -> new PlanMaker.Refused("9 expert ranks for 8 experts"),
            _ -> "",
            System::nanoTime);
    FakeWorker zero = worker(coordinator, 0);
    FakeWorker one = worker(coordinator, 1);
    for (FakeWorker worker : List.of(zero, one)) {
      assertEquals(
          "9 expert ranks for 8 experts", worker.expect(KindCase.STOP).getStop().getReason());
      worker.expectEnd();
    }
    assertEquals(ExitCode.BAD_JOB, end(coordinator).exit());
  }

  @Test
  void aPlannerThatThrowsEndsTheRun() throws Exception {
    Coordinator coordinator =
        coordinator(
            1,
            _ -> {
              throw new IllegalStateException("no mesh");
            },
            _ -> "",
            System::nanoTime);
    worker(coordinator, 0).expect(KindCase.STOP);
    Outcome outcome = end(coordinator);
    assertEquals("a bug in Gyre: java.lang.IllegalStateException: no mesh", outcome.message());
    assertEquals(ExitCode.INTERNAL, outcome.exit());
  }

  /** For example, the plan file cannot be written. */
  @Test
  void aFullDiskWhilePlanningIsNoBug() throws Exception {
    Coordinator coordinator =
        coordinator(
            1,
            _ -> {
              throw new IOException("runs/x/plan.json: No space left on device");
            },
            _ -> "",
            System::nanoTime);
    worker(coordinator, 0).expect(KindCase.STOP);
    Outcome outcome = end(coordinator);
    assertEquals("runs/x/plan.json: No space left on device", outcome.message());
    assertEquals(ExitCode.TRY_AGAIN, outcome.exit());
  }

  @Test
  void whoDoesNotKnowTheTokenCannotJoin() throws Exception {
    Coordinator coordinator = coordinator(1);
    for (FakeWorker stranger :
        List.of(
            FakeWorker.withoutToken(coordinator.address()),
            new FakeWorker(coordinator.address(), JoinToken.random()))) {
      open.add(stranger);
      stranger.say(Say.hello(0));
      Status status = stranger.expectEnd();
      assertEquals(Status.Code.UNAUTHENTICATED, status.getCode());
      assertTrue(status.getDescription().contains("token"), status.getDescription());
    }
    assertEquals(JobState.PLANNING, coordinator.state());
    worker(coordinator, 0).expect(KindCase.ASSIGNMENT);
  }

  /** The listener is blocked, as by a blocked terminal or a hanging file system. */
  @Test
  void workersHearOfTheCoordinatorWhileItsListenerIsBlocked() throws Exception {
    CountDownLatch unblocked = new CountDownLatch(1);
    RunListener blocked =
        new RunListener() {
          @Override
          public void step(int rank, long step, String json) {
            try {
              unblocked.await();
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
            events.add("step " + rank + " " + step);
          }
        };
    AtomicLong time = new AtomicLong();
    Coordinator coordinator =
        Coordinator.open(
            RunSetup.local(Say.RUN, 1, "{}", Path.of("runs"), token).withTiming(JobBench.TIMING),
            _ -> JobBench.madePlan(""),
            _ -> "",
            blocked,
            time::get);
    open.add(coordinator);
    FakeWorker worker = started(coordinator, 1).getFirst();
    worker.say(Say.step(1, "{}"));
    for (int alive = 0; alive < 2; alive++) {
      worker.expectAlive();
    }
    // The coordinator was blocked for an hour, and read nothing from the worker in that time.
    time.addAndGet(3600 * 1_000_000_000L);
    unblocked.countDown();
    expect("step 0 1");
    worker.say(Say.step(2, "{}"));
    expect("step 0 2");
    assertEquals(JobState.RUNNING, coordinator.state());
  }

  @Test
  void aListenerThatThrowsEndsTheRun() throws Exception {
    RunListener broken =
        new RunListener() {
          @Override
          public void joined(JoinedWorker worker, int joined, int expected) {
            throw new IllegalStateException("cannot print");
          }
        };
    Coordinator coordinator =
        Coordinator.open(
            RunSetup.local(Say.RUN, 1, "{}", Path.of("runs"), token),
            _ -> JobBench.madePlan(""),
            _ -> "",
            broken);
    open.add(coordinator);
    worker(coordinator, 0).expect(KindCase.STOP);
    assertTrue(end(coordinator).message().contains("cannot print"));
  }

  @Test
  void aWorkerThatDiesStopsTheOthers() throws Exception {
    Coordinator coordinator = coordinator(2);
    List<FakeWorker> workers = started(coordinator, 2);
    workers.get(1).say(Say.beat(812, 12, "ring hop 5 of 8", 9, 0));
    workers.get(1).say(Say.note("last words"));
    expect("note 1 last words");
    workers.get(0).say(Say.failure(FailureKind.FAILURE_KIND_COMMS, "rank 1 is gone", 1));
    workers.get(1).close();
    coordinator.workerExited(new WorkerExit(1, 4001, 137, ""));
    assertTrue(workers.get(0).expect(KindCase.STOP).getStop().getReason().contains("SIGKILL"));
    Outcome outcome = end(coordinator);
    assertEquals(1, outcome.culprit());
    assertTrue(
        outcome.message().startsWith("rank 1 (pid 4001) was lost in step 812, layer 12"),
        outcome.message());
  }

  @Test
  void aBrokenStreamAloneEndsTheRunToo() throws Exception {
    AtomicLong time = new AtomicLong();
    Coordinator coordinator = coordinator(2, _ -> JobBench.madePlan(""), _ -> "", time::get);
    List<FakeWorker> workers = started(coordinator, 2);
    workers.get(1).close();
    // Advance the clock by seconds until the short wait for better evidence is over.
    while (coordinator.state() == JobState.RUNNING) {
      time.addAndGet(1_000_000_000L);
      workers.get(0).say(Say.beat(0, 0, "experts", time.get(), -1));
      workers.get(0).expectAnything();
    }
    assertEquals(1, end(coordinator).culprit());
  }

  @Test
  void aStrangerIsRefusedWithTheReason() throws Exception {
    Coordinator coordinator = coordinator(1);
    FakeWorker stranger = new FakeWorker(coordinator.address(), token);
    open.add(stranger);
    stranger.say(Say.hello("other", 0, ""));
    Status status = stranger.expectEnd();
    assertEquals(Status.Code.FAILED_PRECONDITION, status.getCode());
    assertEquals("this is run quickstart#1, not other", status.getDescription());
    assertEquals(JobState.PLANNING, coordinator.state());
  }

  @Test
  void ctrlCSavesAndStops() throws Exception {
    Coordinator coordinator = coordinator(1);
    FakeWorker worker = started(coordinator, 1).getFirst();
    coordinator.checkpointAndStop(StopCause.INTERRUPTED);
    assertTrue(worker.expect(KindCase.CHECKPOINT).getCheckpoint().getThenStop());
    worker.say(Say.written(5, "c/tmp", 0));
    worker.say(Say.finished(5, true));
    Outcome outcome = end(coordinator);
    assertEquals(130, outcome.exit().code());
    assertEquals("c/step-5", outcome.newestCheckpoint());
  }

  @Test
  void stopNowAndClose() throws Exception {
    Coordinator coordinator = coordinator(1);
    FakeWorker worker = started(coordinator, 1).getFirst();
    coordinator.stopNow(StopCause.INTERRUPTED);
    assertEquals(130, worker.expect(KindCase.STOP).getStop().getExitCode());
    assertEquals(ExitCode.INTERRUPTED, coordinator.await().exit());

    Coordinator second = coordinator(1);
    FakeWorker other = started(second, 1).getFirst();
    second.close();
    other.expect(KindCase.STOP);
    assertEquals("the coordinator was closed", second.await().message());
  }

  @Test
  void anAddressThatIsTakenIsAnError() throws Exception {
    Coordinator coordinator = coordinator(1);
    RunSetup same =
        new RunSetup(
            Say.RUN,
            coordinator.address(),
            1,
            "{}",
            Path.of("runs"),
            "",
            "",
            token,
            Timing.defaults());
    IOException e =
        assertThrows(
            IOException.class,
            () -> Coordinator.open(same, _ -> JobBench.madePlan(""), _ -> "", listener));
    assertTrue(String.valueOf(e.getMessage()).contains("cannot listen on"));
  }
}
