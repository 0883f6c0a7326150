package dev.gyre.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.comms.control.FromWorker;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Which rank holds up the others. */
class StallWatchTest {
  private static void beats(JobBench bench, int seconds, FromWorker... byRank) {
    for (int second = 0; second < seconds; second++) {
      for (int rank = 0; rank < byRank.length; rank++) {
        bench.say(rank, byRank[rank]);
      }
      bench.pass(1);
    }
  }

  private static List<String> stalls(JobBench bench) {
    return bench.events.stream().filter(event -> event.startsWith("stalled")).toList();
  }

  @Test
  void aSilentRankIsReportedOnceBeforeAnythingIsKilled() {
    JobBench bench = JobBench.running(4);
    bench.say(3, Say.beat(812, 12, "ring hop 5 of 8", 99, 2));
    for (int second = 0; second < 15; second++) {
      for (int rank = 0; rank < 3; rank++) {
        bench.say(rank, Say.beat(812, 12, "ring hop 6 of 8", 100 + second, -1));
      }
      bench.pass(1);
    }
    assertEquals(
        List.of(
            "stalled 3: rank 3 (pid 4003) has been silent for 10 s in step 812, layer 12, ring hop"
                + " 5 of 8, waiting for rank 2"),
        stalls(bench));
    assertTrue(bench.outcome().isEmpty());
  }

  @Test
  void theRankAtTheEndOfTheChainIsNamed() {
    JobBench bench = JobBench.running(3);
    beats(
        bench,
        12,
        Say.beat(5, 2, "ring hop 1 of 3", 50, 2),
        Say.beat(5, 1, "experts", 40, -1),
        Say.beat(5, 2, "ring hop 1 of 3", 50, 1));
    assertEquals(
        List.of(
            "stalled 1: rank 1 (pid 4001) has been busy for 10 s in step 5, layer 1, experts; 2"
                + " others wait"),
        stalls(bench));
  }

  @Test
  void aCircleIsReportedAndDoesNotLoop() {
    JobBench bench = JobBench.running(2);
    beats(bench, 11, Say.beat(5, 2, "a", 50, 1), Say.beat(5, 2, "b", 50, 0));
    assertEquals(1, stalls(bench).size());
    assertTrue(stalls(bench).getFirst().contains("waiting for rank"));
  }

  @Test
  void aNewStandstillIsReportedAgain() {
    JobBench bench = JobBench.running(1);
    beats(bench, 12, Say.beat(5, 2, "experts", 50, -1));
    beats(bench, 12, Say.beat(6, 2, "experts", 51, -1));
    assertEquals(2, stalls(bench).size());
  }

  @Test
  void movingRanksAreNotReported() {
    JobBench bench = JobBench.running(2);
    for (int second = 0; second < 30; second++) {
      bench.all(Say.beat(second, 0, "experts", second, 1));
      bench.pass(1);
    }
    assertEquals(List.of(), stalls(bench));
  }

  /** Rank 0 has long since written its part of a checkpoint; rank 1's disk is slow, but works. */
  @Test
  void whoWaitsForALongWriteIsNotBlamed() {
    JobBench bench = JobBench.running(2);
    for (int second = 0; second < 1000; second++) {
      bench.say(0, Say.beat(101, 0, "ring hop 1 of 2", 50, 1));
      bench.say(1, Say.onStorage(100, "checkpoint, %d of 9000 MB".formatted(second), second));
      bench.pass(1);
    }
    assertEquals(List.of(), stalls(bench));
    assertTrue(bench.outcome().isEmpty());
  }

  /** A hanging file system is reported, and gets a longer limit than a computation. */
  @Test
  void aFrozenFileSystemIsReportedAndHasALimitOfItsOwn() {
    JobBench bench = JobBench.running(2);
    FromWorker waiting = Say.beat(101, 0, "ring hop 1 of 2", 50, 1);
    FromWorker writing = Say.onStorage(100, "checkpoint, 64 of 9000 MB", 7);
    beats(bench, 599, waiting, writing);
    assertEquals(
        List.of(
            "stalled 1: rank 1 (pid 4001) has been reading or writing files for 10 s in step 100,"
                + " checkpoint, 64 of 9000 MB; 1 other rank waits"),
        stalls(bench));
    assertTrue(bench.outcome().isEmpty());
    beats(bench, 2, waiting, writing);
    assertEquals(1, bench.end().culprit());
  }

  /**
   * Steps that are slower than predicted raise the limit; a limit set by the user does not change.
   */
  @Test
  void theTimeoutFollowsMeasuredSteps() {
    FromWorker busy = Say.beat(5, 2, "experts", 50, -1);
    JobBench bench = JobBench.running(1);
    beats(bench, 60, Say.beat(4, 2, "experts", 49, -1));
    bench.say(0, Say.step(5, "{}"));
    beats(bench, 179, busy);
    assertTrue(bench.outcome().isEmpty());
    beats(bench, 3, busy);
    assertEquals(ExitCode.TRY_AGAIN, bench.end().exit());

    Timing set = JobBench.TIMING.with(Duration.ofSeconds(30), null);
    JobBench strict = JobBench.running(1, set, JobBench.TIMES);
    beats(strict, 29, Say.beat(4, 2, "experts", 49, -1));
    strict.say(0, Say.step(5, "{}"));
    beats(strict, 32, busy);
    assertEquals(ExitCode.TRY_AGAIN, strict.end().exit());
  }

  @Test
  void aStandstillWithoutEndFailsTheRun() {
    JobBench bench = JobBench.running(2);
    beats(bench, 89, Say.beat(5, 2, "a", 50, 1), Say.beat(5, 2, "experts", 50, -1));
    assertTrue(bench.outcome().isEmpty());
    beats(bench, 2, Say.beat(5, 2, "a", 50, 1), Say.beat(5, 2, "experts", 50, -1));
    assertEquals(1, bench.end().culprit());
    assertEquals(ExitCode.TRY_AGAIN, bench.end().exit());
  }
}
