package dev.gyre.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.comms.control.Assignment;
import dev.gyre.comms.control.FromWorker;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class JobTest {
  private static final FromWorker BEAT = Say.beat(812, 12, "ring hop 5 of 8", 99, -1);

  @Test
  void goesFromHelloToDone() {
    JobBench bench = new JobBench(2);
    assertEquals(JobState.PLANNING, bench.job.state());
    bench.say(1, Say.hello(1));
    assertTrue(bench.planFor.isEmpty(), "planned before all had joined");
    bench.say(0, Say.hello(0));
    assertEquals(List.of(0, 1), bench.planFor.stream().map(JoinedWorker::rank).toList());
    assertEquals("vector", bench.planFor.getFirst().capabilities().getFirst().getBackend());

    bench.job.planned(JobBench.madePlan("{\"plan\":1}"), bench.now());
    assertEquals(JobState.JOINING, bench.job.state());
    Assignment assignment = bench.links.get(1).last().getAssignment();
    assertEquals(1, assignment.getRank());
    assertEquals("{\"plan\":1}", assignment.getPlanJson());
    assertEquals("{\"job\":1}", assignment.getJobJson());
    assertEquals("runs/quickstart", assignment.getRunFolder());
    assertEquals("/shm/x", assignment.getTransportFolder());

    bench.say(0, Say.ready());
    assertFalse(bench.links.get(0).last().hasStart(), "started before all were ready");
    bench.say(1, Say.ready());
    assertEquals(JobState.RUNNING, bench.job.state());
    assertTrue(bench.links.get(0).last().hasStart() && bench.links.get(1).last().hasStart());

    bench.say(0, Say.step(3, "{\"loss\":2}"));
    bench.say(0, Say.finished(4, false));
    assertFalse(bench.links.get(0).completed, "released while a peer still works");
    assertTrue(bench.outcome().isEmpty());
    bench.say(1, Say.finished(4, false));
    assertEquals(JobState.DONE, bench.end().state());
    assertEquals(ExitCode.DONE, bench.end().exit());
    assertTrue(bench.links.get(0).completed && bench.links.get(1).completed);
    assertEquals(
        List.of("joined 4001 1/2", "joined 4000 2/2", "started", "step 0 3 {\"loss\":2}", "done"),
        bench.events);
  }

  @Test
  void aWorkerMayLeaveAfterItFinished() {
    JobBench bench = JobBench.running(2);
    bench.say(0, Say.finished(4, false));
    bench.breaks(0);
    bench.exits(0, 0);
    bench.pass(60, BEAT, 1);
    assertTrue(bench.outcome().isEmpty());
    bench.say(1, Say.finished(4, false));
    assertEquals(ExitCode.DONE, bench.end().exit());
  }

  @Test
  void ranksWithoutAWishAreGivenHostByHost() {
    JobBench bench = new JobBench(3);
    bench.say(0, Say.hello(Say.RUN, -1, "b"));
    bench.say(1, Say.hello(Say.RUN, -1, "a"));
    bench.say(2, Say.hello(Say.RUN, 1, "c"));
    assertEquals(List.of("a", "c", "b"), bench.planFor.stream().map(JoinedWorker::host).toList());
  }

  @Test
  void strangersAreRefusedAndDoNoHarm() {
    JobBench bench = new JobBench(2);
    bench.say(0, Say.hello(0));
    JobBench.FakeLink stranger = new JobBench.FakeLink();
    bench.job.message(stranger, Say.hello("other", 1, ""), bench.now());
    assertEquals("this is run quickstart#1, not other", stranger.refusal);
    bench.job.message(stranger, Say.hello(0), bench.now());
    assertEquals("rank 0 is taken by pid 4000", stranger.refusal);
    bench.job.message(stranger, Say.hello(2), bench.now());
    assertEquals("rank 2 is not among 0 to 1", stranger.refusal);
    bench.job.message(stranger, Say.ready(), bench.now());
    assertEquals("the first message must be hello", stranger.refusal);
    bench.say(1, Say.hello(1));
    bench.job.message(stranger, Say.hello(-1), bench.now());
    assertEquals("no worker is missing: 2 of 2 have joined", stranger.refusal);
    bench.job.broken(stranger, "CANCELLED", bench.now());
    assertTrue(bench.outcome().isEmpty());
  }

  @Test
  void aRefusedPlanIsABadJob() {
    JobBench bench = new JobBench(2);
    bench.join();
    bench.job.planned(new PlanMaker.Refused("ulysses 16 needs 16 query heads"), bench.now());
    assertEquals(ExitCode.BAD_JOB, bench.end().exit());
    assertEquals("ulysses 16 needs 16 query heads", bench.end().message());
    assertEquals(64, bench.links.get(1).last().getStop().getExitCode());
    assertTrue(bench.links.get(1).completed);
  }

  @Test
  void waitingForWorkersHasALimit() {
    JobBench bench = new JobBench(3);
    bench.say(1, Say.hello(1));
    bench.pass(59, BEAT, 1);
    assertTrue(bench.outcome().isEmpty());
    bench.pass(1, BEAT, 1);
    assertEquals(
        "1 of 3 workers joined, and no other within 60 s; missing: ranks [0, 2]",
        bench.end().message());
    assertEquals(ExitCode.TRY_AGAIN, bench.end().exit());
  }

  private static List<String> awaited(JobBench bench) {
    return bench.events.stream().filter(event -> event.startsWith("awaiting: ")).toList();
  }

  @Test
  void whoHasNotJoinedIsNamedEverMoreRarely() {
    JobBench bench = new JobBench(3);
    bench.say(1, Say.hello(1));
    bench.pass(9, BEAT, 1);
    assertEquals(List.of(), awaited(bench));
    bench.pass(1, BEAT, 1);
    String who =
        " s for rank 0, rank 2 to join (1 of 3 have joined): starting, or measuring kernels";
    String first = "awaiting: waited 10" + who + "; timing out in 50 s";
    assertEquals(List.of(first), awaited(bench));
    bench.pass(19, BEAT, 1);
    assertEquals(1, awaited(bench).size());
    bench.pass(1, BEAT, 1);
    assertEquals("awaiting: waited 30" + who + "; timing out in 30 s", awaited(bench).getLast());
  }

  @Test
  void whoIsNotReadyIsNamedWithWhatItDoes() {
    JobBench bench = new JobBench(2);
    bench.pass(8);
    bench.join();
    bench.pass(30, BEAT, 0, 1);
    assertEquals(List.of(), awaited(bench), "during planning no worker is awaited");
    bench.job.planned(JobBench.madePlan("{}"), bench.now());
    bench.say(0, Say.ready());
    bench.pass(10, Say.beat(-1, -1, "weights", 1, -1), 0, 1);
    assertEquals(
        List.of(
            "awaiting: waited 10 s for rank 1 (pid 4001) before the first step, weights;"
                + " timing out in 110 s"),
        awaited(bench));
  }

  @Test
  void aProcessThatDiesBeforeItJoinsEndsTheWaitAtOnce() {
    JobBench bench = new JobBench(2);
    bench.say(0, Say.hello(0));
    bench.exits(1, 137);
    String lost = "rank 1 (pid 4001) was lost before it joined: it was killed by SIGKILL";
    assertTrue(bench.end().message().startsWith(lost), bench.end().message());
    assertTrue(bench.end().message().endsWith("its output: logs/rank-1.log"));
    assertEquals(ExitCode.TRY_AGAIN, bench.end().exit());
  }

  @Test
  void gettingReadyHasALimit() {
    JobBench bench = new JobBench(2);
    bench.join();
    bench.job.planned(JobBench.madePlan("{}"), bench.now());
    bench.say(0, Say.ready());
    bench.pass(120, BEAT, 0, 1);
    assertEquals(
        "not all workers were ready within 120 s; missing: ranks [1]", bench.end().message());
  }

  @Test
  void aCheckpointIsCommittedWhenAllHaveWritten() {
    JobBench bench = JobBench.running(2);
    bench.job.requestCheckpoint();
    assertEquals(1, bench.links.get(0).last().getCheckpoint().getNumber());
    assertFalse(bench.links.get(0).last().getCheckpoint().getThenStop());
    bench.say(1, Say.written(100, "c/tmp", 1));
    assertTrue(bench.toCommit.isEmpty());
    bench.say(0, Say.written(100, "c/tmp", 0));
    WrittenCheckpoint checkpoint = bench.toCommit.getFirst();
    assertEquals("{\"step\":100}", checkpoint.manifestJson());
    assertEquals("rank-1", checkpoint.files().get(1).getFirst().getName());
    bench.job.committed(100, "c/step-100", bench.now());
    assertEquals("c/step-100", bench.links.get(1).last().getCommitted().getFolder());
    assertTrue(bench.events.contains("committed 100 c/step-100"));

    bench.exits(1, 137);
    assertEquals("c/step-100", bench.end().newestCheckpoint());
  }

  @Test
  void theLastCheckpointIsCommittedBeforeTheRunIsDone() {
    JobBench bench = JobBench.running(2);
    bench.say(0, Say.written(4, "c/tmp", 0));
    bench.say(1, Say.written(4, "c/tmp", 1));
    bench.all(Say.finished(4, false));
    assertTrue(bench.outcome().isEmpty(), "done during a commit");
    bench.job.committed(4, "c/step-4", bench.now());
    assertEquals(ExitCode.DONE, bench.end().exit());
    assertEquals("c/step-4", bench.end().newestCheckpoint());
  }

  @Test
  void checkpointsThatDoNotFitTogetherEndTheRun() {
    JobBench folders = JobBench.running(2);
    folders.say(0, Say.written(4, "c/a", 0));
    folders.say(1, Say.written(4, "c/b", 1));
    assertTrue(folders.end().message().contains("is in c/b for rank 1, in c/a for others"));

    JobBench steps = JobBench.running(2);
    steps.say(0, Say.written(4, "c/a", 0));
    steps.say(1, Say.written(5, "c/b", 1));
    steps.all(Say.finished(5, false));
    assertEquals("the checkpoint of step 4 was never written by ranks [1]", steps.end().message());
    assertEquals(ExitCode.TRY_AGAIN, steps.end().exit());
  }

  @Test
  void aCheckpointThatCannotBeCommittedEndsTheRun() {
    JobBench bench = JobBench.running(1);
    bench.say(0, Say.written(4, "c/tmp", 0));
    bench.job.notCommitted(4, new IOException("rank-0 differs from what was written"));
    assertEquals("saving step 4: rank-0 differs from what was written", bench.end().message());
  }

  @Test
  void ctrlCSavesAndStops() {
    JobBench bench = JobBench.running(2);
    bench.job.requestCheckpoint();
    bench.job.checkpointAndStop(StopCause.INTERRUPTED, bench.now());
    assertEquals(2, bench.links.get(0).last().getCheckpoint().getNumber());
    assertTrue(bench.links.get(0).last().getCheckpoint().getThenStop());
    bench.say(0, Say.written(7, "c/tmp", 0));
    bench.say(1, Say.written(7, "c/tmp", 1));
    bench.job.committed(7, "c/step-7", bench.now());
    bench.all(Say.finished(7, true));
    assertEquals(JobState.DONE, bench.end().state());
    assertEquals(ExitCode.INTERRUPTED, bench.end().exit());
    assertEquals("interrupted, saved in c/step-7", bench.end().message());
  }

  @Test
  void aRunThatFinishesDespiteCtrlCIsDone() {
    JobBench bench = JobBench.running(1);
    bench.job.checkpointAndStop(StopCause.INTERRUPTED, bench.now());
    bench.all(Say.finished(200, false));
    assertEquals(ExitCode.DONE, bench.end().exit());
  }

  @Test
  void theSecondCtrlCStopsAtOnce() {
    JobBench bench = JobBench.running(2);
    bench.job.checkpointAndStop(StopCause.INTERRUPTED, bench.now());
    bench.job.stopNow(StopCause.INTERRUPTED);
    assertEquals(130, bench.links.get(0).last().getStop().getExitCode());
    assertEquals(ExitCode.INTERRUPTED, bench.end().exit());
    bench.exits(0, 137);
    assertEquals(ExitCode.INTERRUPTED, bench.end().exit(), "an exit afterwards changes nothing");
  }

  @Test
  void ctrlCBeforeTheFirstStepHasNothingToSave() {
    JobBench bench = new JobBench(2);
    bench.join();
    bench.job.checkpointAndStop(StopCause.INTERRUPTED, bench.now());
    assertEquals(ExitCode.INTERRUPTED, bench.end().exit());
    bench.job.planned(JobBench.madePlan("{}"), bench.now());
    assertEquals(JobState.FAILED, bench.job.state(), "a late plan changes nothing");
  }

  @Test
  void aWorkerThatBreaksTheProtocolIsNamed() {
    JobBench bench = new JobBench(2);
    bench.join();
    bench.say(1, Say.ready());
    assertEquals(
        "rank 1 (pid 4001) failed before the first step: it was ready in state PLANNING",
        bench.end().message());
    assertEquals(1, bench.end().culprit());
  }
}
