package dev.gyre.deploy.run;

import dev.gyre.comms.ExitCode;
import dev.gyre.comms.aeron.RunMediaDriver;
import dev.gyre.comms.aeron.SharedFolder;
import dev.gyre.comms.aeron.UdpPorts;
import dev.gyre.comms.memory.SharedMemory;
import dev.gyre.coordinator.Coordinator;
import dev.gyre.coordinator.JoinedWorker;
import dev.gyre.coordinator.Outcome;
import dev.gyre.coordinator.PlanMaker;
import dev.gyre.coordinator.RunListener;
import dev.gyre.coordinator.RunSetup;
import dev.gyre.coordinator.StopCause;
import dev.gyre.coordinator.WorkerExit;
import dev.gyre.deploy.launch.CoreShares;
import dev.gyre.deploy.launch.Interrupts;
import dev.gyre.deploy.launch.LocalWorkers;
import dev.gyre.deploy.launch.RunFolder;
import dev.gyre.deploy.launch.WorkerCommand;
import dev.gyre.deploy.launch.WorkerFlags;
import dev.gyre.partitioning.job.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.InvalidPlanException;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.PlanValidator;
import dev.gyre.partitioning.plan.Planner;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.checkpoint.CheckpointStore;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.step.StepMetrics;
import dev.gyre.trainer.worker.WorkerMain;
import dev.gyre.trainer.worker.WorkerOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One job on this machine: a coordinator and a media driver in this process, and a process for
 * every worker. Blocks until the job has ended; nothing of it is left running then.
 */
public final class LocalJob {

  /**
   * How much longer the coordinator bears a standstill than a rank that waits, who knows for whom.
   */
  private static final double COORDINATOR_STALL_FACTOR = 2.5;

  private final JobSpec job;
  private final int workers;
  private final @Nullable Plan given;
  private final RunFolder folder;
  private final Path data;
  private final @Nullable Path resume;
  private final JobEvents events;
  private final LaunchOptions launch;
  private final @Nullable RunTrace trace;
  private volatile @Nullable Plan plan;
  private volatile boolean started;

  /**
   * @param given the plan to run; null to make one for this machine
   * @param data folder of the prepared token store
   * @param resume the checkpoint to go on from; null to start fresh
   */
  public LocalJob(
      JobSpec job,
      @Nullable Plan given,
      RunFolder folder,
      Path data,
      @Nullable Path resume,
      LaunchOptions launch,
      JobEvents events) {
    this.job = job;
    this.workers = (given == null ? Planner.mesh(job) : given.mesh()).workers();
    this.given = given;
    this.folder = folder;
    this.data = data;
    this.resume = resume;
    this.events = events;
    this.launch = launch;
    this.trace = launch.trace() ? new RunTrace(folder, workers) : null;
  }

  /**
   * Runs the job to its end. Ctrl-C saves and stops; a second one stops at once. The folder of a
   * fresh run that was refused before its first step, or could not be set up, is deleted.
   */
  public Outcome run() throws IOException, InterruptedException {
    Outcome outcome;
    try {
      outcome = runLocked();
    } catch (IOException notSetUp) {
      if (leavesNothing()) {
        try {
          folder.delete();
        } catch (IOException e) {
          notSetUp.addSuppressed(e);
        }
      }
      throw notSetUp;
    }
    boolean refused = outcome.exit() == ExitCode.BAD_JOB && !namesItsLog(outcome);
    if (refused && leavesNothing()) {
      folder.delete();
    }
    return outcome;
  }

  private boolean leavesNothing() {
    return !started && resume == null;
  }

  /** A worker that ended without a word: what it printed is all there is. */
  private boolean namesItsLog(Outcome outcome) {
    return outcome.message().contains(folder.logs().toString());
  }

  private Outcome runLocked() throws IOException, InterruptedException {
    try (RunLock _ = RunLock.take(folder)) {
      Outcome outcome = runAlone();
      if (trace != null && started) {
        trace.merge();
        events.note("trace  " + folder.trace() + "   (open it in https://ui.perfetto.dev)");
      }
      return outcome;
    }
  }

  private Outcome runAlone() throws IOException, InterruptedException {
    Path parent = SharedMemory.folderOr(folder.path());
    for (Path left : SharedFolder.sweep(parent)) {
      events.note("removed what a killed run left in " + left);
    }
    if (resume == null) {
      RunSpecs.write(folder, job);
    }
    CheckpointStore checkpoints =
        new CheckpointStore(folder.checkpoints(), job.checkpoint().keep(), resume, events::note);
    checkpoints.recover();
    try (RunMediaDriver driver = launch(parent);
        MetricsFile metrics = new MetricsFile(folder.metrics());
        Coordinator coordinator =
            Coordinator.open(
                setup(driver),
                this::planFor,
                new CheckpointCommits(checkpoints),
                new Listener(metrics));
        Interrupts _ = Interrupts.install(reaction(coordinator));
        LocalWorkers _ =
            LocalWorkers.start(workers, command(coordinator), folder, listener(coordinator))) {
      return coordinator.await();
    }
  }

  private RunMediaDriver launch(Path parent) throws IOException {
    return RunMediaDriver.launch(parent, folder.name(), workers, job.transport().equals("udp"));
  }

  private RunSetup setup(RunMediaDriver driver) {
    return RunSetup.local(folder.name(), workers, SpecJson.write(job), folder.path())
        .withTransportFolder(driver.folder().toString())
        .withResumeFolder(resume == null ? "" : resume.toString());
  }

  private PlanMaker.Result planFor(List<JoinedWorker> joined) {
    try {
      WorkerCapabilities offers = HostCapabilities.of(joined);
      Plan made = given == null ? Planner.plan(job, offers) : given;
      if (given == null && resume != null) {
        made = FrozenRates.keep(made, folder.plan(), job, offers, events::note);
      }
      PlanValidator.requireMemory(made, offers.workerMemoryBytes(workers));
      plan = made;
      events.offered(offers);
      if (resume == null) {
        RunSpecs.write(folder, made);
      }
      events.planned(made);
      return new PlanMaker.Planned(
          SpecJson.write(made),
          Duration.ofNanos((long) (COORDINATOR_STALL_FACTOR * made.stallTimeoutNanos())));
    } catch (Invalid | InvalidPlanException e) {
      return new PlanMaker.Refused(String.valueOf(e.getMessage()));
    } catch (IOException e) {
      throw new UncheckedIOException("writing " + folder.plan(), e);
    }
  }

  private WorkerCommand command(Coordinator coordinator) {
    List<String> endpoints =
        (given == null ? job.transport() : given.transport()).equals("udp")
            ? UdpPorts.loopbackEndpoints(workers)
            : List.of();
    int threads =
        given == null
            ? WorkerCapabilities.kernelThreads(Runtime.getRuntime().availableProcessors(), workers)
            : given.kernelThreads();
    WorkerOptions options =
        new WorkerOptions(
            coordinator.address(),
            folder.name(),
            WorkerCommand.RANK,
            data,
            given == null ? job.backend() : given.backend(),
            job.device(),
            given == null ? job.train().dtype() : given.dtype(),
            trace == null ? 0 : trace.baseNanos(),
            threads,
            WorkerCommand.ATTEMPT,
            endpoints);
    return WorkerCommand.ofThisJvm(WorkerMain.class.getName(), options.toArguments())
        .withFlags(WorkerFlags.DEFAULT.withKernelThreads(threads))
        .withCores(launch.bind() ? CoreShares.ofThisMachine(workers) : CoreShares.NONE);
  }

  private LocalWorkers.Listener listener(Coordinator coordinator) {
    return new LocalWorkers.Listener() {
      @Override
      public void exited(WorkerExit exit) {
        coordinator.workerExited(exit);
      }

      @Override
      public void startedAgain(int rank) {
        events.note(
            "rank %d met a slow kernel and is started once more; its rates are in %s"
                .formatted(rank, folder.rankLog(rank)));
      }
    };
  }

  private Interrupts.Reaction reaction(Coordinator coordinator) {
    return new Interrupts.Reaction() {
      @Override
      public void checkpointAndStop() {
        events.note("Ctrl-C: saving after this step, then stopping; again: stops now");
        coordinator.checkpointAndStop(StopCause.INTERRUPTED);
      }

      @Override
      public void stopNow() {
        coordinator.stopNow(StopCause.INTERRUPTED);
      }

      @Override
      public void preempted() {
        coordinator.checkpointAndStop(StopCause.PREEMPTED);
      }
    };
  }

  /** A resume that is refused must not change what its run was: it is accepted by now. */
  private void keepSpecs() {
    if (resume == null) {
      return;
    }
    try {
      RunSpecs.write(folder, job);
      RunSpecs.write(folder, Objects.requireNonNull(plan));
    } catch (IOException e) {
      throw new UncheckedIOException("writing " + folder.job() + " and " + folder.plan(), e);
    }
  }

  private final class Listener implements RunListener {
    private final MetricsFile metrics;

    Listener(MetricsFile metrics) {
      this.metrics = metrics;
    }

    @Override
    public void started() {
      started = true;
      keepSpecs();
      events.started();
    }

    @Override
    public void step(int rank, long step, String json) {
      metrics.append(json);
      events.step(SpecJson.read(json, StepMetrics.class, "a step report"));
    }

    @Override
    public void note(int rank, String text) {
      events.note(text);
    }

    @Override
    public void awaiting(String text) {
      events.note(text + "   " + folder.mergedLog());
    }

    @Override
    public void stalled(int rank, String text) {
      events.note(text);
    }

    @Override
    public void checkpointCommitted(long step, String checkpoint) {
      events.saved(step, checkpoint);
    }
  }

  /** {@code metrics.jsonl}: one line a step, flushed as it comes. */
  private static final class MetricsFile implements AutoCloseable {
    private final Writer out;

    MetricsFile(Path file) throws IOException {
      out =
          Files.newBufferedWriter(
              file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    }

    void append(String json) {
      try {
        out.write(json + "\n");
        out.flush();
      } catch (IOException e) {
        throw new UncheckedIOException("writing metrics.jsonl", e);
      }
    }

    @Override
    public void close() throws IOException {
      out.close();
    }
  }
}
