package dev.gyre.coordinator;

import dev.gyre.comms.ExitCode;
import dev.gyre.comms.SystemLimits;
import dev.gyre.comms.control.Assignment;
import dev.gyre.comms.control.Checkpoint;
import dev.gyre.comms.control.CheckpointWritten;
import dev.gyre.comms.control.Committed;
import dev.gyre.comms.control.Failure;
import dev.gyre.comms.control.FailureKind;
import dev.gyre.comms.control.Finished;
import dev.gyre.comms.control.FromWorker;
import dev.gyre.comms.control.Hello;
import dev.gyre.comms.control.Ready;
import dev.gyre.comms.control.Start;
import dev.gyre.comms.control.StepReport;
import dev.gyre.comms.control.Stop;
import dev.gyre.comms.control.ToWorker;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The job's state machine, PLANNING → JOINING → RUNNING → DONE | FAILED. Used by one thread. It has
 * neither sockets nor clocks: the time is a parameter of every call, and long operations go to
 * {@link Work}.
 *
 * <p>Every assignment carries the membership {@link #epoch}, which is always 0: a lost worker fails
 * the run.
 */
final class Job {
  /** Operations outside the loop. Each is answered by one call of a method of the job. */
  interface Work {
    /** Answered by {@link Job#planned}, {@link Job#failed} or {@link Job#broken(Throwable)}. */
    void plan(List<JoinedWorker> workers);

    /** Answered by {@link Job#committed} or {@link Job#notCommitted}. */
    void commit(WrittenCheckpoint checkpoint);

    /** The run has ended; called once. */
    void ended(Outcome outcome);
  }

  private static final int KILLED_BY_TERM = ExitCode.PREEMPTED.code();

  private final RunSetup setup;
  private final Work work;
  private final RunListener listener;
  private final Roster roster;
  private final FailureDiagnosis verdict;
  private final StallWatch stalls;
  private final CheckpointBook book;
  private final Pace pace;
  private final int epoch = 0;

  private JobState state = JobState.PLANNING;
  private boolean planning;
  private @Nullable Outcome outcome;
  private @Nullable StopCause stopCause;
  private @Nullable String newestCheckpoint;
  private long requests;
  private int commits;
  private long deadline;
  private Duration waitLimit = Duration.ZERO;
  private long waitBegan;
  private long waitSaidAfter;
  private long verdictDeadline;
  private boolean preempted;
  private long graceDeadline;
  private long graceNanos;

  Job(RunSetup setup, Work work, RunListener listener, long now) {
    this.setup = setup;
    this.work = work;
    this.listener = listener;
    this.roster = new Roster(setup.run(), setup.workers());
    this.verdict = new FailureDiagnosis(roster::of);
    this.stalls = new StallWatch(setup.timing().reportStillAfter().toNanos());
    this.book = new CheckpointBook(setup.workers());
    this.pace = new Pace(setup.timing());
    waitFrom(now, setup.timing().joinWithin());
    this.newestCheckpoint = setup.resumeFolder().isEmpty() ? null : setup.resumeFolder();
  }

  JobState state() {
    return state;
  }

  // ---- from the workers

  void message(WorkerLink link, FromWorker message, long now) {
    Member member = roster.of(link);
    if (member == null) {
      if (message.hasHello()) {
        join(link, message.getHello(), now);
      } else {
        link.refuse("the first message must be hello");
      }
      return;
    }
    if (outcome != null) {
      return;
    }
    member.heard(now);
    switch (message.getKindCase()) {
      case HELLO -> protocolError(member, "sent hello twice", now);
      case READY -> ready(member, message.getReady(), now);
      case HEARTBEAT -> member.beat(message.getHeartbeat(), now);
      case STEP -> step(member, message.getStep(), now);
      case CHECKPOINT -> written(member, message.getCheckpoint(), now);
      case FINISHED -> finished(member, message.getFinished(), now);
      case FAILURE -> suspect(member, new Evidence.Reported(message.getFailure()), now);
      case NOTE -> listener.note(member.rank(), message.getNote().getText());
      case PREEMPTED -> checkpointAndStop(StopCause.PREEMPTED, preempted(member.name()), now);
      case KIND_NOT_SET ->
          protocolError(member, "sent a message that this version does not know", now);
    }
  }

  private void join(WorkerLink link, Hello hello, long now) {
    Optional<String> objection =
        outcome == null
            ? roster.objection(hello)
            : Optional.of("the run has ended: " + outcome.message());
    if (objection.isPresent()) {
      link.refuse(objection.get());
      return;
    }
    Member member = roster.add(link, hello, now);
    deadline = now + setup.timing().joinWithin().toNanos();
    listener.joined(member.asJoined(), roster.size(), setup.workers());
    if (roster.full()) {
      roster.assignRanks();
      planning = true;
      work.plan(roster.byRank().stream().map(Member::asJoined).toList());
    }
  }

  private void ready(Member member, Ready ready, long now) {
    if (state != JobState.JOINING || member.ready()) {
      protocolError(member, "was ready in state " + state, now);
      return;
    }
    member.markReady();
    listener.ready(member.rank(), ready.getMatmulFlopsPerSecond(), ready.getMemoryBytesUsed());
    if (roster.all(Member::ready)) {
      state = JobState.RUNNING;
      roster.members().forEach(each -> each.started(now));
      pace.started(now);
      roster.broadcast(ToWorker.newBuilder().setStart(Start.getDefaultInstance()).build());
      listener.started();
    }
  }

  private void step(Member member, StepReport report, long now) {
    if (member.rank() == 0) {
      pace.stepEnded(now);
      pace.warning().ifPresent(text -> listener.note(-1, text));
    }
    listener.step(member.rank(), report.getStep(), report.getJson());
  }

  private void written(Member member, CheckpointWritten written, long now) {
    Optional<WrittenCheckpoint> whole;
    try {
      whole = book.add(member.rank(), written);
    } catch (IllegalStateException e) {
      protocolError(member, "disagrees about a checkpoint: " + e.getMessage(), now);
      return;
    }
    pace.saving(now);
    if (whole.isPresent()) {
      commits++;
      work.commit(whole.get());
    }
  }

  private void finished(Member member, Finished finished, long now) {
    if (state != JobState.RUNNING) {
      protocolError(member, "finished in state " + state, now);
      return;
    }
    member.markFinished(finished.getStopped());
    doneIfAllIs();
  }

  /** The stream broke, or the worker closed it. */
  void broken(WorkerLink link, String how, long now) {
    Member member = roster.of(link);
    if (member != null && !member.finished()) {
      suspect(member, new Evidence.Broken(how), now);
    }
  }

  // ---- from the host

  void exited(WorkerExit exit, long now) {
    Member member = roster.of(exit.rank());
    if (outcome != null || (member != null && member.finished())) {
      return;
    }
    if (exit.exitCode() == KILLED_BY_TERM && state != JobState.RUNNING) {
      // The worker had not installed its signal handler yet.
      String name = "rank %d (pid %d)".formatted(exit.rank(), exit.pid());
      stopNow(StopCause.PREEMPTED, preempted(name));
      return;
    }
    addEvidence(exit.rank(), member, new Evidence.Exited(exit), now);
  }

  private static String preempted(String worker) {
    return worker + " received SIGTERM";
  }

  void requestCheckpoint() {
    if (state == JobState.RUNNING && outcome == null) {
      requests++;
      roster.broadcast(
          ToWorker.newBuilder()
              .setCheckpoint(
                  Checkpoint.newBuilder().setNumber(requests).setThenStop(stopCause != null))
              .build());
    }
  }

  void checkpointAndStop(StopCause cause, long now) {
    checkpointAndStop(cause, cause.signal(), now);
  }

  /** Repeated requests, whoever sends them, make one checkpoint and one stop. */
  private void checkpointAndStop(StopCause cause, String who, long now) {
    if (outcome != null) {
      return;
    }
    if (state != JobState.RUNNING) {
      stopNow(cause, who);
      return;
    }
    if (cause == StopCause.PREEMPTED && !preempted) {
      preempted = true;
      graceNanos = pace.graceNanos();
      graceDeadline = now + graceNanos;
    }
    if (stopCause == null) {
      stopCause = cause;
      requestCheckpoint();
      String then =
          cause == StopCause.PREEMPTED
              ? " (within %d s)".formatted(TimeUnit.NANOSECONDS.toSeconds(graceNanos))
              : "; again: stops now";
      listener.stopping(who + ": saving after this step, then stopping" + then);
    }
  }

  void stopNow(StopCause cause) {
    stopNow(cause, cause.signal());
  }

  private void stopNow(StopCause cause, String who) {
    String by = who.equals(cause.signal()) ? "" : " (" + who + ")";
    end(JobState.FAILED, cause.exit(), cause.word() + "; stopped at once" + by, -1);
  }

  private void graceIsOver() {
    end(
        JobState.FAILED,
        ExitCode.PREEMPTED,
        "preempted; the step and its checkpoint did not end within %d s: stopped without saving"
            .formatted(TimeUnit.NANOSECONDS.toSeconds(graceNanos)),
        -1);
  }

  void closed() {
    end(JobState.FAILED, ExitCode.TRY_AGAIN, "the coordinator was closed", -1);
  }

  /** The host itself failed: a callback or the loop. */
  void broken(Throwable what) {
    Optional<String> limit = SystemLimits.advice(what.getMessage());
    if (limit.isPresent()) {
      failed(what.getMessage() + "; " + limit.get());
    } else {
      fail(ExitCode.INTERNAL, "a bug in Gyre: " + what, -1);
    }
  }

  /** The host cannot continue, though nothing is wrong with Gyre or the job: a full disk. */
  void failed(String why) {
    fail(ExitCode.TRY_AGAIN, why, -1);
  }

  // ---- answers to work

  void planned(PlanMaker.Result result, long now) {
    if (outcome != null) {
      return;
    }
    switch (result) {
      case PlanMaker.Refused(var reason) -> fail(ExitCode.BAD_JOB, reason, -1);
      case PlanMaker.Planned(var json, var times) -> {
        planning = false;
        state = JobState.JOINING;
        waitFrom(now, times.ready());
        listener.planned(json);
        pace.planned(times);
        pace.warning().ifPresent(text -> listener.note(-1, text));
        roster.byRank().forEach(member -> member.link().send(assignment(member, json)));
      }
    }
  }

  private ToWorker assignment(Member member, String planJson) {
    return ToWorker.newBuilder()
        .setAssignment(
            Assignment.newBuilder()
                .setRank(member.rank())
                .setEpoch(epoch)
                .setJobJson(setup.jobJson())
                .setPlanJson(planJson)
                .setRunFolder(setup.runFolder().toString())
                .setTransportFolder(setup.transportFolder())
                .setResumeFolder(setup.resumeFolder()))
        .build();
  }

  void committed(long step, String folder, long now) {
    if (outcome != null) {
      return;
    }
    commits--;
    pace.saved(now);
    newestCheckpoint = folder;
    roster.broadcast(
        ToWorker.newBuilder()
            .setCommitted(Committed.newBuilder().setStep(step).setFolder(folder))
            .build());
    listener.checkpointCommitted(step, folder);
    doneIfAllIs();
  }

  void notCommitted(long step, IOException why) {
    failed("saving step " + step + ": " + why.getMessage());
  }

  // ---- time

  void tick(long now) {
    if (outcome != null) {
      return;
    }
    if (verdict.open()) {
      if (now - verdictDeadline >= 0) {
        fail(verdict.best());
      }
      return;
    }
    leases(now);
    switch (state) {
      case PLANNING, JOINING -> {
        if (!planning) {
          awaiting(now);
          late(now);
        }
      }
      case RUNNING -> {
        if (preempted && now - graceDeadline >= 0) {
          graceIsOver();
        } else {
          standstill(now);
        }
      }
      case DONE, FAILED -> {}
    }
  }

  private void leases(long now) {
    long lease = setup.timing().lease().toNanos();
    for (Member member : roster.members()) {
      if (!member.finished() && member.silentNanos(now) >= lease) {
        suspect(member, new Evidence.Silent(member.silentNanos(now)), now);
      }
    }
  }

  private void waitFrom(long now, Duration limit) {
    waitLimit = limit;
    waitBegan = now;
    waitSaidAfter = setup.timing().reportStillAfter().toNanos();
    deadline = now + limit.toNanos();
  }

  /** Tells the user which ranks are awaited, at doubling intervals. */
  private void awaiting(long now) {
    long waited = now - waitBegan;
    if (waited < waitSaidAfter) {
      return;
    }
    waitSaidAfter = 2 * waited + setup.timing().reportStillAfter().toNanos();
    listener.awaiting(
        "waited %d s for %s; timing out in %d s"
            .formatted(
                TimeUnit.NANOSECONDS.toSeconds(waited),
                state == JobState.PLANNING ? unjoined() : unready(),
                TimeUnit.NANOSECONDS.toSeconds(Math.max(0, deadline - now))));
  }

  /** Workers that have not joined send nothing, but what they do before joining is known. */
  private String unjoined() {
    return "%s to join (%d of %d have joined): starting, or measuring kernels"
        .formatted(
            roster.ranksWithout(_ -> true).stream()
                .map(rank -> "rank " + rank)
                .collect(Collectors.joining(", ")),
            roster.size(),
            setup.workers());
  }

  private String unready() {
    return roster.byRank().stream()
        .filter(member -> !member.ready())
        .map(member -> member.name() + " " + member.whereAndForWhom())
        .collect(Collectors.joining("; "));
  }

  private void late(long now) {
    if (now - deadline < 0) {
      return;
    }
    List<Integer> missing =
        roster.ranksWithout(member -> state == JobState.PLANNING || member.ready());
    String what =
        state == JobState.PLANNING
            ? "%d of %d workers joined, and no other within %d s"
                .formatted(roster.size(), setup.workers(), waitLimit.toSeconds())
            : "not all workers were ready within " + waitLimit.toSeconds() + " s";
    fail(ExitCode.TRY_AGAIN, what + "; missing: ranks " + missing, missing.getFirst());
  }

  private void standstill(long now) {
    Optional<StallWatch.Stall> found = stalls.find(roster.members(), roster::of, now);
    if (found.isEmpty()) {
      return;
    }
    StallWatch.Stall stall = found.get();
    Member member = roster.of(stall.rank());
    if (member != null && stalls.isNew(stall, member)) {
      listener.stalled(stall.rank(), stall.text());
    }
    if (stall.nanos() >= pace.stallNanos(stall.onStorage())) {
      fail(ExitCode.TRY_AGAIN, stall.text(), stall.rank());
    }
  }

  // ---- the end

  private void doneIfAllIs() {
    if (outcome != null || commits > 0 || !roster.all(Member::finished)) {
      return;
    }
    Optional<String> gap = book.gap();
    if (gap.isPresent()) {
      fail(ExitCode.TRY_AGAIN, gap.get(), -1);
      return;
    }
    boolean stopped = roster.members().stream().anyMatch(Member::stopped);
    StopCause cause = stopCause;
    if (stopped && cause != null) {
      String saved = newestCheckpoint == null ? "" : ", saved in " + newestCheckpoint;
      end(JobState.DONE, cause.exit(), cause.word() + saved, -1);
    } else {
      end(JobState.DONE, ExitCode.DONE, "done", -1);
    }
  }

  /** A worker that violates the protocol fails the run, and is named as the cause. */
  private void protocolError(Member member, String what, long now) {
    suspect(
        member,
        new Evidence.Reported(
            Failure.newBuilder()
                .setKind(FailureKind.FAILURE_KIND_INTERNAL)
                .setMessage("it " + what)
                .setPeer(-1)
                .build()),
        now);
  }

  private void suspect(Member member, Evidence evidence, long now) {
    if (outcome == null) {
      addEvidence(member.rank(), member, evidence, now);
    }
  }

  private void addEvidence(int rank, @Nullable Member member, Evidence evidence, long now) {
    if (!verdict.open()) {
      verdictDeadline = now + setup.timing().verdictWithin().toNanos();
    }
    verdict.add(rank, member, evidence);
    verdict.settled().ifPresent(this::fail);
  }

  private void fail(FailureDiagnosis.Cause cause) {
    fail(cause.exit(), cause.text(), cause.rank());
  }

  private void fail(ExitCode exit, String message, int culprit) {
    end(JobState.FAILED, exit, message, culprit);
  }

  private void end(JobState last, ExitCode exit, String message, int culprit) {
    if (outcome != null) {
      return;
    }
    Outcome ending = new Outcome(last, exit, message, culprit, newestCheckpoint);
    outcome = ending;
    state = last;
    if (last == JobState.FAILED) {
      roster.broadcast(
          ToWorker.newBuilder()
              .setStop(Stop.newBuilder().setReason(message).setExitCode(exit.code()))
              .build());
    }
    roster.complete();
    try {
      if (last == JobState.DONE) {
        listener.done(ending);
      } else {
        listener.failed(ending);
      }
    } finally {
      work.ended(ending);
    }
  }
}
