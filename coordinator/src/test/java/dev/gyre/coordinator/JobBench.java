package dev.gyre.coordinator;

import dev.gyre.comms.control.FromWorker;
import dev.gyre.comms.control.JoinToken;
import dev.gyre.comms.control.ToWorker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A job without sockets or threads: the test plays the clock, the workers and the host. */
final class JobBench implements Job.Work, RunListener {
  /** One worker's stream, as the job sees it. */
  static final class FakeLink implements WorkerLink {
    final List<ToWorker> sent = new ArrayList<>();
    boolean completed;
    String refusal = "";

    @Override
    public void send(ToWorker message) {
      sent.add(message);
    }

    @Override
    public void complete() {
      completed = true;
    }

    @Override
    public void refuse(String reason) {
      refusal = reason;
    }

    ToWorker last() {
      return sent.getLast();
    }
  }

  static final Timing TIMING =
      new Timing(
          Duration.ofSeconds(60),
          Duration.ofSeconds(20),
          Duration.ofSeconds(10),
          Duration.ofSeconds(3),
          Duration.ofSeconds(600),
          null,
          null);

  /** Times of a run with steps of one second. */
  static final PlannedTimes TIMES =
      new PlannedTimes(
          Duration.ofSeconds(1),
          Duration.ofSeconds(1),
          Duration.ofSeconds(120),
          Duration.ofSeconds(90));

  final List<FakeLink> links = new ArrayList<>();
  final List<String> events = new ArrayList<>();
  final List<JoinedWorker> planFor = new ArrayList<>();
  final List<WrittenCheckpoint> toCommit = new ArrayList<>();
  final Job job;
  private final int workers;
  private @Nullable Outcome outcome;
  private long now;

  JobBench(int workers) {
    this(workers, TIMING);
  }

  JobBench(int workers, Timing timing) {
    this.workers = workers;
    RunSetup setup =
        RunSetup.local(
                Say.RUN, workers, "{\"job\":1}", Path.of("runs", "quickstart"), JoinToken.random())
            .withTiming(timing)
            .withTransportFolder("/shm/x");
    this.job = new Job(setup, this, this, now);
    for (int i = 0; i < workers; i++) {
      links.add(new FakeLink());
    }
  }

  /** A job whose workers have joined and are ready, and begin step 0. */
  static JobBench running(int workers) {
    return running(workers, TIMING, TIMES);
  }

  static JobBench running(int workers, Timing timing, PlannedTimes times) {
    JobBench bench = new JobBench(workers, timing);
    bench.join();
    bench.job.planned(new PlanMaker.Planned("{\"plan\":1}", times), bench.now);
    bench.all(Say.ready());
    return bench;
  }

  static PlanMaker.Result madePlan(String json) {
    return new PlanMaker.Planned(json, TIMES);
  }

  void join() {
    for (int rank = 0; rank < workers; rank++) {
      say(rank, Say.hello(rank));
    }
  }

  void say(int rank, FromWorker message) {
    job.message(links.get(rank), message, now);
  }

  void all(FromWorker message) {
    for (int rank = 0; rank < workers; rank++) {
      say(rank, message);
    }
  }

  void breaks(int rank) {
    job.broken(links.get(rank), "UNAVAILABLE", now);
  }

  void exits(int rank, int code) {
    job.exited(new WorkerExit(rank, 4000 + rank, code, "logs/rank-" + rank + ".log"), now);
  }

  /** Advances the clock; every second these ranks send this heartbeat, and the job ticks. */
  void pass(int seconds, FromWorker beat, int... ranks) {
    for (int second = 0; second < seconds; second++) {
      now += 1_000_000_000L;
      for (int rank : ranks) {
        say(rank, beat);
      }
      job.tick(now);
    }
  }

  void pass(int seconds) {
    pass(seconds, Say.note(""), new int[0]);
  }

  long now() {
    return now;
  }

  Optional<Outcome> outcome() {
    return Optional.ofNullable(outcome);
  }

  Outcome end() {
    return outcome().orElseThrow(() -> new AssertionError("the run has not ended; " + events));
  }

  @Override
  public void plan(List<JoinedWorker> joined) {
    planFor.addAll(joined);
  }

  @Override
  public void commit(WrittenCheckpoint checkpoint) {
    toCommit.add(checkpoint);
  }

  @Override
  public void ended(Outcome ending) {
    if (outcome != null) {
      throw new AssertionError("ended twice: " + outcome + ", " + ending);
    }
    outcome = ending;
  }

  @Override
  public void joined(JoinedWorker worker, int joined, int expected) {
    events.add("joined " + worker.pid() + " " + joined + "/" + expected);
  }

  @Override
  public void awaiting(String text) {
    events.add("awaiting: " + text);
  }

  @Override
  public void started() {
    events.add("started");
  }

  @Override
  public void step(int rank, long step, String json) {
    events.add("step " + rank + " " + step + " " + json);
  }

  @Override
  public void note(int rank, String text) {
    if (!text.isEmpty()) {
      events.add("note " + rank + ": " + text);
    }
  }

  @Override
  public void stopping(String text) {
    events.add("stopping: " + text);
  }

  @Override
  public void stalled(int rank, String text) {
    events.add("stalled " + rank + ": " + text);
  }

  @Override
  public void checkpointCommitted(long step, String folder) {
    events.add("committed " + step + " " + folder);
  }

  @Override
  public void failed(Outcome ending) {
    events.add("failed");
  }

  @Override
  public void done(Outcome ending) {
    events.add("done");
  }
}
