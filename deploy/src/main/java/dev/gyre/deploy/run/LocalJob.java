package dev.gyre.deploy.run;

import dev.gyre.comms.ExitCode;
import dev.gyre.comms.aeron.RunMediaDriver;
import dev.gyre.comms.aeron.SharedFolder;
import dev.gyre.comms.aeron.UdpPorts;
import dev.gyre.comms.control.JoinToken;
import dev.gyre.comms.memory.SharedMemory;
import dev.gyre.coordinator.Coordinator;
import dev.gyre.coordinator.JobState;
import dev.gyre.coordinator.Outcome;
import dev.gyre.coordinator.RunSetup;
import dev.gyre.coordinator.StopCause;
import dev.gyre.coordinator.Timing;
import dev.gyre.coordinator.WorkerExit;
import dev.gyre.deploy.files.RunFiles;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.deploy.files.RunLock;
import dev.gyre.deploy.files.RunSpecs;
import dev.gyre.deploy.launch.CoreShares;
import dev.gyre.deploy.launch.Interrupts;
import dev.gyre.deploy.launch.LocalWorkers;
import dev.gyre.deploy.launch.WorkerCommand;
import dev.gyre.deploy.launch.WorkerFlags;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.trainer.checkpoint.CheckpointStore;
import dev.gyre.trainer.files.StorageException;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.worker.WorkerMain;
import dev.gyre.trainer.worker.WorkerOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Runs one job on this machine: coordinator and media driver in this process, and one process per
 * worker. No process is left when it returns.
 */
public final class LocalJob {
  private static final String TOKEN = "token";

  private final RunSpec run;
  private final RunFolder folder;
  private final Path data;
  private final @Nullable Path resume;
  private final JobEvents events;
  private final LaunchOptions launch;
  private final CheckpointStore checkpoints;
  private final @Nullable RunTrace trace;
  private volatile boolean started;
  private volatile @Nullable Coordinator running;

  /**
   * @param given the plan to run; null to make one for this machine
   * @param data folder of the prepared token store
   * @param resume the checkpoint to resume from; null for a new run
   */
  public LocalJob(
      JobSpec job,
      @Nullable Plan given,
      RunFolder folder,
      Path data,
      @Nullable Path resume,
      LaunchOptions launch,
      JobEvents events) {
    this.run = new RunSpec(job, given);
    this.folder = folder;
    this.data = data;
    this.resume = resume;
    this.events = events;
    this.launch = launch;
    this.checkpoints =
        new CheckpointStore(folder.checkpoints(), job.checkpoint().keep(), resume, events::note);
    this.trace = launch.trace() ? new RunTrace(folder, run.workers()) : null;
  }

  /**
   * Runs the job to its end. Ctrl-C and SIGTERM save and stop; a second Ctrl-C stops at once.
   * Deletes the folder of a new run that was rejected, stopped before its first step, or could not
   * be set up.
   *
   * @param interrupts signals to the run
   */
  public Outcome run(Interrupts interrupts) throws IOException, InterruptedException {
    Outcome outcome;
    try {
      outcome = runLocked(interrupts);
    } catch (IOException | RuntimeException | Error notSetUp) {
      if (leavesNothing()) {
        deleteFolder(notSetUp);
      }
      throw notSetUp;
    } finally {
      running = null;
    }
    if (leavesNothing() && saysItAll(outcome)) {
      folder.delete();
    }
    return outcome;
  }

  private void deleteFolder(Throwable because) {
    try {
      folder.delete();
    } catch (IOException e) {
      because.addSuppressed(e);
    }
  }

  private boolean leavesNothing() {
    return !started && resume == null;
  }

  /**
   * Whether the outcome's message is complete. If a worker ended without a report, its log must be
   * kept.
   */
  private boolean saysItAll(Outcome outcome) {
    return switch (outcome.exit()) {
      case BAD_JOB -> !outcome.message().contains(folder.logs().toString());
      case INTERRUPTED, PREEMPTED -> true;
      default -> false;
    };
  }

  private Outcome runLocked(Interrupts interrupts) throws IOException, InterruptedException {
    try (RunLock _ = RunLock.take(folder)) {
      Outcome outcome = runAlone(interrupts);
      interrupts.ended(outcome.exit());
      if (outcome.state() == JobState.FAILED) {
        // Removes the remains of a failed save, which occupy the missing disk space.
        checkpoints.recover();
      }
      mergeTrace();
      return outcome;
    }
  }

  private void mergeTrace() {
    if (trace != null && started) {
      try {
        trace.merge();
        events.note("trace  " + folder.trace() + "   (open it in https://ui.perfetto.dev)");
      } catch (IOException e) {
        // The run does not depend on the trace.
        events.note("trace  " + StorageException.of(folder.trace(), e).getMessage());
      }
    }
  }

  private Outcome runAlone(Interrupts interrupts) throws IOException, InterruptedException {
    Path parent = SharedMemory.folderOr(folder.path());
    for (Path left : SharedFolder.sweep(parent)) {
      events.note("removed what a killed run left in " + left);
    }
    if (resume == null) {
      RunSpecs.write(folder, run.job());
    }
    checkpoints.recover();
    try (RunMediaDriver driver =
            RunMediaDriver.launch(parent, folder.name(), run.workers(), run.isUdp());
        RunFiles files = new RunFiles(folder, this::storageFailed)) {
      Outcome outcome = runOver(driver, files, interrupts);
      return outcome.exit() == ExitCode.DONE ? allWritten(files, outcome) : outcome;
    }
  }

  /** A run succeeds only when its last line is on disk. */
  private static Outcome allWritten(RunFiles files, Outcome outcome) throws InterruptedException {
    try {
      files.finish();
      return outcome;
    } catch (StorageException e) {
      return new Outcome(
          JobState.FAILED,
          ExitCode.TRY_AGAIN,
          String.valueOf(e.getMessage()),
          -1,
          outcome.newestCheckpoint());
    }
  }

  private Outcome runOver(RunMediaDriver driver, RunFiles files, Interrupts interrupts)
      throws IOException, InterruptedException {
    JoinToken token = JoinToken.random();
    Path tokenFile = driver.folder().resolve(TOKEN);
    token.write(tokenFile);
    JobPlanner planner = new JobPlanner(run, folder, resume != null, events);
    RunReport report = new RunReport(run, folder, resume != null, planner, files, events);
    try (Coordinator coordinator =
            Coordinator.open(
                setup(driver, token), planner, new CheckpointCommits(checkpoints), report);
        LocalWorkers workers = start(coordinator, tokenFile)) {
      running = coordinator;
      interrupts.connect(reaction(coordinator));
      Outcome outcome = coordinator.await();
      started = report.isStarted();
      if (outcome.state() == JobState.DONE) {
        workers.awaitLeft();
      }
      return outcome;
    }
  }

  private void storageFailed(StorageException failure) {
    Coordinator coordinator = running;
    if (coordinator != null) {
      coordinator.fail(String.valueOf(failure.getMessage()));
    }
  }

  private RunSetup setup(RunMediaDriver driver, JoinToken token) {
    int workersPerCore = Math.ceilDiv(run.workers(), Runtime.getRuntime().availableProcessors());
    return RunSetup.local(
            folder.name(), run.workers(), SpecJson.write(run.job()), folder.path(), token)
        .withTransportFolder(driver.folder().toString())
        .withResumeFolder(resume == null ? "" : resume.toString())
        .withTiming(
            Timing.defaults()
                .withWorkersPerCore(workersPerCore)
                .with(launch.stallTimeout(), launch.grace()));
  }

  private LocalWorkers start(Coordinator coordinator, Path tokenFile) throws IOException {
    WorkerOptions options =
        new WorkerOptions(
            coordinator.address(),
            folder.name(),
            WorkerCommand.RANK,
            data,
            run.backend(),
            run.job().device(),
            run.dtype(),
            trace == null ? 0 : trace.baseNanos(),
            run.kernelThreads(),
            WorkerCommand.ATTEMPT,
            run.isUdp() ? UdpPorts.loopbackEndpoints(run.workers()) : List.of());
    WorkerCommand command =
        WorkerCommand.ofThisJvm(WorkerMain.class.getName(), options.toArguments())
            .withFlags(WorkerFlags.DEFAULT.withKernelThreads(run.kernelThreads()))
            .withCores(launch.bind() ? CoreShares.ofThisMachine(run.workers()) : CoreShares.NONE)
            .withTokenFile(tokenFile);
    return LocalWorkers.start(run.workers(), command, folder, listener(coordinator));
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
            "rank %d: the JIT compiler compiled a kernel badly; restarting the worker process once. Kernel rates: %s"
                .formatted(rank, folder.rankLog(rank)));
      }

      @Override
      public void logFailed(StorageException failure) {
        storageFailed(failure);
      }
    };
  }

  private static Interrupts.Reaction reaction(Coordinator coordinator) {
    return new Interrupts.Reaction() {
      @Override
      public void checkpointAndStop() {
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
}
