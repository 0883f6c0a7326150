package dev.gyre.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.comms.control.FailureKind;
import dev.gyre.comms.control.FromWorker;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** SIGTERM: which process gets it, how often, and how long the run may take to stop. */
class PreemptionTest {
  private static final FromWorker BEAT = Say.beat(3, 0, "attention", 5, -1);

  private static List<String> lines(JobBench bench) {
    return bench.events.stream()
        .filter(event -> event.startsWith("stopping") || event.startsWith("note"))
        .toList();
  }

  private static PlannedTimes steps(int seconds, int saveSeconds) {
    return new PlannedTimes(
        Duration.ofSeconds(seconds),
        Duration.ofSeconds(saveSeconds),
        Duration.ofSeconds(120),
        Duration.ofSeconds(3600));
  }

  private static void saves(JobBench bench, int workers) {
    for (int rank = 0; rank < workers; rank++) {
      bench.say(rank, Say.written(7, "c/tmp", rank));
    }
    bench.job.committed(7, "c/step-7", bench.now());
    bench.all(Say.finished(7, true));
  }

  @Test
  void aWorkersSignalIsTheWholeRunsPreemption() {
    JobBench bench = JobBench.running(2);
    bench.say(1, Say.preempted());
    for (JobBench.FakeLink link : bench.links) {
      assertEquals(1, link.last().getCheckpoint().getNumber());
      assertTrue(link.last().getCheckpoint().getThenStop());
    }
    saves(bench, 2);
    assertEquals("preempted, saved in c/step-7", bench.end().message());
    assertEquals(ExitCode.PREEMPTED, bench.end().exit());
    assertEquals(
        List.of(
            "stopping: rank 1 (pid 4001) received SIGTERM: saving after this step, then stopping"
                + " (within 25 s)"),
        lines(bench));
  }

  /** A whole process group may get SIGTERM, and a user may send it repeatedly. */
  @Test
  void anyNumberOfSignalsToAnyoneIsOnePreemption() {
    JobBench bench = JobBench.running(3);
    bench.job.checkpointAndStop(StopCause.PREEMPTED, bench.now());
    for (int times = 0; times < 5; times++) {
      bench.all(Say.preempted());
      bench.job.checkpointAndStop(StopCause.PREEMPTED, bench.now());
      bench.pass(1, BEAT, 0, 1, 2);
    }
    long requests =
        bench.links.getFirst().sent.stream().filter(message -> message.hasCheckpoint()).count();
    assertEquals(1, requests);
    assertEquals(
        List.of("stopping: SIGTERM: saving after this step, then stopping (within 25 s)"),
        lines(bench));
    saves(bench, 3);
    assertEquals(ExitCode.PREEMPTED, bench.end().exit());
  }

  @Test
  void beforeTheFirstStepItEndsAtOnce() {
    JobBench planning = new JobBench(2);
    planning.say(1, Say.hello(1));
    planning.say(1, Say.preempted());
    assertEquals(
        "preempted; stopped at once (rank 1 (pid 4001) received SIGTERM)",
        planning.end().message());
    assertEquals(ExitCode.PREEMPTED, planning.end().exit());
    assertEquals(143, planning.links.get(1).last().getStop().getExitCode());

    JobBench joining = new JobBench(2);
    joining.join();
    joining.job.planned(JobBench.madePlan("{}"), joining.now());
    joining.job.checkpointAndStop(StopCause.PREEMPTED, joining.now());
    assertEquals("preempted; stopped at once", joining.end().message());
    assertEquals(143, joining.links.get(0).last().getStop().getExitCode());
  }

  /** A process that is still starting has no handler: the signal ends it. */
  @Test
  void aWorkerThatWasStartingIsNoLostWorker() {
    JobBench bench = new JobBench(2);
    bench.say(0, Say.hello(0));
    bench.exits(1, 143);
    assertEquals(ExitCode.PREEMPTED, bench.end().exit());
    assertEquals(
        "preempted; stopped at once (rank 1 (pid 4001) received SIGTERM)", bench.end().message());
  }

  @Test
  void theGraceFollowsFromPlannedStepAndSave() {
    JobBench bench = JobBench.running(1, JobBench.TIMING, steps(88, 4));
    bench.job.checkpointAndStop(StopCause.PREEMPTED, bench.now());
    bench.pass(183, BEAT, 0);
    assertTrue(bench.outcome().isEmpty());
    bench.pass(1, BEAT, 0);
    assertEquals(ExitCode.PREEMPTED, bench.end().exit());
    assertEquals(143, bench.links.get(0).last().getStop().getExitCode());
    assertEquals(
        "preempted; the step and its checkpoint did not end within 184 s: stopped without saving",
        bench.end().message());
  }

  @Test
  void theGraceFollowsFromMeasuredStepsAndSaves() {
    JobBench bench = JobBench.running(1, JobBench.TIMING, steps(1, 1));
    bench.pass(40, BEAT, 0);
    bench.say(0, Say.step(1, "{}"));
    bench.say(0, Say.written(1, "c/tmp", 0));
    bench.pass(10, BEAT, 0);
    bench.job.committed(1, "c/step-1", bench.now());
    bench.job.checkpointAndStop(StopCause.PREEMPTED, bench.now());
    bench.pass(99, BEAT, 0);
    assertTrue(bench.outcome().isEmpty());
    bench.pass(1, BEAT, 0);
    assertEquals(ExitCode.PREEMPTED, bench.end().exit());
  }

  /**
   * No step time is known, so the grace period follows from the limit for a rank without progress.
   */
  @Test
  void withoutAnyMeasureTheGraceIsLong() {
    JobBench bench = JobBench.running(1, JobBench.TIMING, steps(0, 0));
    bench.job.checkpointAndStop(StopCause.PREEMPTED, bench.now());
    bench.pass(3000, BEAT, 0);
    assertTrue(bench.outcome().isEmpty());
  }

  @Test
  void aGraceThatAUserSetIsKept() {
    Timing set = JobBench.TIMING.with(null, Duration.ofSeconds(7));
    JobBench bench = JobBench.running(1, set, steps(1, 1));
    bench.job.checkpointAndStop(StopCause.PREEMPTED, bench.now());
    bench.pass(6, BEAT, 0);
    assertTrue(bench.outcome().isEmpty());
    bench.pass(1, BEAT, 0);
    assertEquals(ExitCode.PREEMPTED, bench.end().exit());
  }

  @Test
  void aStepLongerThanTheUsualGraceIsToldAtTheStart() {
    JobBench predicted = JobBench.running(1, JobBench.TIMING, steps(88, 4));
    assertEquals(
        List.of(
            "note -1: grace  a step and its checkpoint take about 92 s, more than the usual 25 s"
                + " after SIGTERM. Grant 184 s (systemd TimeoutStopSec, Slurm --signal=TERM@184,"
                + " docker stop -t 184, Kubernetes terminationGracePeriodSeconds), or a"
                + " preemption loses what was trained since the newest checkpoint"),
        lines(predicted));

    Timing set = JobBench.TIMING.with(null, Duration.ofSeconds(20));
    JobBench given = JobBench.running(1, set, steps(24, 1));
    assertTrue(
        lines(given).getFirst().contains("more than the --grace of 20 s"), "" + given.events);
    assertTrue(lines(given).getFirst().contains("Grant 50 s with --grace 50 ("), "" + given.events);

    assertEquals(List.of(), lines(JobBench.running(1, JobBench.TIMING, steps(20, 4))));
  }

  /**
   * Steps are slower than predicted. One slow step, such as the first, is no reason for a warning.
   */
  @Test
  void stepsThatTurnOutLongAreToldOnce() {
    JobBench bench = JobBench.running(1, JobBench.TIMING, steps(1, 1));
    for (int step = 1; step <= 6; step++) {
      bench.pass(30, BEAT, 0);
      bench.say(0, Say.step(step, "{}"));
      assertEquals(step < 3 ? 0 : 1, lines(bench).size(), "after step " + step);
    }
    assertTrue(lines(bench).getFirst().contains("take about 31 s"), lines(bench).getFirst());

    JobBench slowFirst = JobBench.running(1, JobBench.TIMING, steps(1, 1));
    slowFirst.pass(60, BEAT, 0);
    for (int step = 1; step <= 5; step++) {
      slowFirst.say(0, Say.step(step, "{}"));
      slowFirst.pass(1, BEAT, 0);
    }
    assertEquals(List.of(), lines(slowFirst));
  }

  @Test
  void ctrlCHasNoLimitAndIsToldOnce() {
    JobBench bench = JobBench.running(1);
    bench.job.checkpointAndStop(StopCause.INTERRUPTED, bench.now());
    bench.pass(80, BEAT, 0);
    bench.say(0, Say.beat(3, 0, "attention", 6, -1));
    bench.pass(80, Say.beat(3, 0, "attention", 6, -1), 0);
    assertTrue(bench.outcome().isEmpty());
    assertEquals(
        List.of("stopping: Ctrl-C: saving after this step, then stopping; again: stops now"),
        lines(bench));
  }

  /**
   * On a full disk the message begins with what could not be written, not with the rank's position.
   */
  @Test
  void aFullDiskIsNamedByItsFile() {
    JobBench bench = JobBench.running(2);
    bench.say(1, Say.onStorage(99, "checkpoint", 7));
    String what =
        "saving step 100: c/x: No space left on device; free some and continue with --resume";
    bench.say(1, Say.failure(FailureKind.FAILURE_KIND_STORAGE, what, -1));
    assertEquals(what + " (rank 1 (pid 4001) in step 99, checkpoint)", bench.end().message());
    assertEquals(ExitCode.TRY_AGAIN, bench.end().exit());
  }
}
