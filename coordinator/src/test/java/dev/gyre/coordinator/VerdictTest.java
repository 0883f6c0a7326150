package dev.gyre.coordinator;

import static dev.gyre.comms.control.FailureKind.FAILURE_KIND_CHECKPOINT;
import static dev.gyre.comms.control.FailureKind.FAILURE_KIND_COMMS;
import static dev.gyre.comms.control.FailureKind.FAILURE_KIND_NUMERIC;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.comms.control.FromWorker;
import org.junit.jupiter.api.Test;

/** Which of several symptoms is reported as the cause of a failed run. */
class VerdictTest {
  private static final FromWorker BEAT = Say.beat(812, 12, "ring hop 5 of 8", 99, -1);

  @Test
  void aKilledRankIsTheCauseThoughItsPeersComplainFirst() {
    JobBench bench = JobBench.running(3);
    bench.say(1, BEAT);
    bench.say(0, Say.failure(FAILURE_KIND_COMMS, "rank 1 is gone", 1));
    bench.breaks(1);
    bench.say(2, Say.failure(FAILURE_KIND_COMMS, "rank 1 is gone", 1));
    assertTrue(bench.outcome().isEmpty(), "did not wait for the launcher's word");
    bench.exits(1, 137);
    assertEquals(
        "rank 1 (pid 4001) was lost in step 812, layer 12, ring hop 5 of 8: it was killed by"
            + " SIGKILL (by someone, or by the system when memory ran out); its output:"
            + " logs/rank-1.log",
        bench.end().message());
    assertEquals(1, bench.end().culprit());
    assertEquals(ExitCode.TRY_AGAIN, bench.end().exit());
    assertTrue(bench.links.get(0).last().hasStop() && bench.links.get(2).last().hasStop());
  }

  @Test
  void withoutALauncherABrokenStreamIsTheCauseAfterAShortWait() {
    JobBench bench = JobBench.running(2);
    bench.say(1, BEAT);
    bench.say(0, Say.failure(FAILURE_KIND_COMMS, "rank 1 is gone", 1));
    bench.breaks(1);
    bench.pass(2);
    assertTrue(bench.outcome().isEmpty());
    bench.pass(1);
    assertEquals(
        "rank 1 (pid 4001) was lost in step 812, layer 12, ring hop 5 of 8: its control stream"
            + " broke (UNAVAILABLE)",
        bench.end().message());
  }

  @Test
  void aVictimThatLeavesIsStillAVictim() {
    JobBench bench = JobBench.running(3);
    bench.say(2, Say.failure(FAILURE_KIND_COMMS, "rank 1 is gone", 1));
    bench.breaks(2);
    bench.exits(2, 75);
    bench.breaks(1);
    bench.pass(3);
    assertEquals(1, bench.end().culprit());
  }

  @Test
  void aRanksOwnErrorSettlesItAtOnce() {
    JobBench bench = JobBench.running(2);
    bench.say(0, Say.failure(FAILURE_KIND_COMMS, "rank 1 is late", 1));
    bench.say(1, BEAT);
    bench.say(1, Say.failure(FAILURE_KIND_NUMERIC, "loss is NaN; try a smaller lr", -1));
    assertEquals(
        "rank 1 (pid 4001) failed in step 812, layer 12, ring hop 5 of 8: loss is NaN; try a"
            + " smaller lr",
        bench.end().message());
    assertEquals(ExitCode.BAD_JOB, bench.end().exit());
  }

  @Test
  void aCorruptCheckpointHasItsExitCode() {
    JobBench bench = JobBench.running(1);
    bench.say(0, Say.failure(FAILURE_KIND_CHECKPOINT, "step-3/rank-0: bad checksum", -1));
    assertEquals(ExitCode.CORRUPT_CHECKPOINT, bench.end().exit());
  }

  @Test
  void complaintsAreFollowedToTheRankThatComplainsOfNobody() {
    JobBench bench = JobBench.running(4);
    bench.say(1, BEAT);
    bench.say(3, Say.failure(FAILURE_KIND_COMMS, "rank 2 is silent", 2));
    bench.say(2, Say.failure(FAILURE_KIND_COMMS, "rank 1 is silent", 1));
    bench.pass(3);
    assertEquals(1, bench.end().culprit());
    assertEquals(
        "rank 1 (pid 4001) in step 812, layer 12, ring hop 5 of 8: does not answer its peers; rank"
            + " 2 (pid 4002) failed before the first step: rank 1 is silent",
        bench.end().message());
  }

  @Test
  void ranksThatComplainOfEachOtherEndTheRunAsWell() {
    JobBench bench = JobBench.running(2);
    bench.say(1, Say.failure(FAILURE_KIND_COMMS, "rank 0 is late", 0));
    bench.say(0, Say.failure(FAILURE_KIND_COMMS, "rank 1 is late", 1));
    bench.pass(3);
    assertEquals(
        "rank 1 (pid 4001) failed before the first step: rank 0 is late", bench.end().message());
  }

  @Test
  void aProcessThatEndsBeforeItJoinsIsNamedWithItsLog() {
    JobBench bench = new JobBench(2);
    bench.say(0, Say.hello(0));
    bench.exits(1, 1);
    assertEquals(
        "rank 1 (pid 4001) was lost before it joined: it ended with exit code 1; its output:"
            + " logs/rank-1.log",
        bench.end().message());
  }

  @Test
  void aWorkersOwnExitCodeCounts() {
    JobBench bench = JobBench.running(2);
    bench.exits(0, 65);
    assertEquals(ExitCode.CORRUPT_CHECKPOINT, bench.end().exit());
  }

  @Test
  void leavingEarlyWithoutAWordIsAFailureToo() {
    JobBench bench = JobBench.running(2);
    bench.exits(0, 0);
    assertTrue(bench.end().message().contains("it ended with exit code 0"));
  }

  @Test
  void aLeaseThatRunsOutIsACause() {
    JobBench bench = JobBench.running(2);
    bench.say(1, Say.beat(812, 12, "ring hop 5 of 8", 99, 0));
    FromWorker moving = Say.beat(812, 12, "ring hop 5 of 8", 98, -1);
    bench.pass(19, moving, 0);
    assertTrue(bench.outcome().isEmpty());
    bench.pass(4, moving, 0);
    assertEquals(
        "rank 1 (pid 4001) has been silent for 20 s in step 812, layer 12, ring hop 5 of 8,"
            + " waiting for rank 0",
        bench.end().message());
  }
}
