package dev.gyre.trainer.worker;

import dev.gyre.comms.Progress;
import dev.gyre.comms.Transport;
import dev.gyre.comms.control.Assignment;
import dev.gyre.kernels.Backend;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.trainer.checkpoint.RunIdentity;
import dev.gyre.trainer.control.CheckpointRequest;
import dev.gyre.trainer.control.ControlClient;
import dev.gyre.trainer.data.Feed;
import dev.gyre.trainer.data.TokenStore;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.offload.OffloadSpec;
import dev.gyre.trainer.rank.RankSpec;
import dev.gyre.trainer.rank.TrainingRank;
import dev.gyre.trainer.step.Evaluation;
import dev.gyre.trainer.step.StepMetrics;
import dev.gyre.trainer.step.TrainingStep;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Consumer;

/** All resources of a training worker, and the loop over its steps. */
final class WorkerSession implements AutoCloseable {
  private final JobSpec job;
  private final TokenStore store;
  private final Feed feed;
  private final Transport transport;
  private final TrainingRank rank;
  private final CheckpointWriter checkpoints;
  private final Rates rates;
  private final InitialState before;
  private final KernelWatch kernels;

  private WorkerSession(
      JobSpec job,
      TokenStore store,
      Feed feed,
      Transport transport,
      TrainingRank rank,
      CheckpointWriter checkpoints,
      Rates rates,
      InitialState before,
      KernelWatch kernels) {
    this.job = job;
    this.store = store;
    this.feed = feed;
    this.transport = transport;
    this.rank = rank;
    this.checkpoints = checkpoints;
    this.rates = rates;
    this.before = before;
    this.kernels = kernels;
  }

  /**
   * Opens data, backend and data plane, allocates all memory, and loads or initialises the weights.
   *
   * @param cores cores of this host, shared by its workers
   * @param log receives single lines for the user
   * @param opened receives the transport as soon as it is open, to abort it from another thread
   */
  static WorkerSession open(
      WorkerOptions options,
      Assignment assignment,
      MeasuredBackend measured,
      int cores,
      Progress progress,
      Consumer<String> log,
      Consumer<Transport> opened)
      throws IOException {
    JobSpec job = SpecJson.read(assignment.getJobJson(), JobSpec.class, "the job");
    Plan plan = SpecJson.read(assignment.getPlanJson(), Plan.class, "the plan");
    progress.phase("opening");
    TokenStore store = TokenStore.open(options.data());
    Feed feed = Feed.of(store, job);
    Backend backend =
        WorkerTrace.draw(
            measured.reopen(plan.backend(), plan.kernelThreads(), Dtypes.of(plan.dtype())),
            progress.trace());
    Transport transport =
        Transports.open(options, assignment, plan, feed.fingerprint(), cores, progress, log);
    opened.accept(transport);
    Path runFolder = Path.of(assignment.getRunFolder());
    TrainingRank rank =
        TrainingRank.open(
            transport,
            backend,
            RankSpec.of(job, plan, Dtypes.of(plan.dtype()), OffloadSpec.of(job, plan, runFolder)));
    progress.phase("weights");
    RunIdentity identity =
        RunIdentity.of(job, plan.dtype(), feed.fingerprint(), ExecutionEnvironment.of(plan));
    InitialState initial =
        InitialState.load(rank, job, assignment.getResumeFolder(), identity, log);
    CheckpointWriter checkpoints =
        new CheckpointWriter(runFolder, job, plan, rank, feed, identity, initial.sourceConfig());
    return new WorkerSession(
        job,
        store,
        feed,
        transport,
        rank,
        checkpoints,
        measured.rates().rates().shared(transport.size() * plan.kernelThreads(), cores),
        initial,
        KernelWatch.of(measured, plan, progress, log));
  }

  long memoryBytes() {
    return rank.byteSize();
  }

  /** Trains from the first step to the last, or to the step at which all agree to stop. */
  void train(ControlClient control) throws IOException, InterruptedException {
    double[] peak = {rates.matmulFlopsPerSecond()};
    rank.everyone().sum(peak);
    TrainingStep training =
        new TrainingStep(rank, feed, job.train(), (long) peak[0], before.skipped());
    Evaluation evaluation = new Evaluation(rank, feed, job.eval().rows());
    long steps = job.train().steps();
    long served = 0;
    long done = before.step();
    boolean stopped = false;
    while (done < steps && !stopped) {
      TrainingStep.Result result = training.run(done, () -> control.checkpointAsked().code());
      done++;
      StepMetrics metrics = result.metrics();
      kernels.stepped(metrics.computeSeconds());
      if (evaluation.possible() && job.eval().due(done, steps)) {
        metrics = metrics.withEval(evaluation.run(done));
      }
      if (transport.rank() == 0) {
        control.step(done, SpecJson.line(metrics));
      }
      CheckpointRequest asked = CheckpointRequest.of(result.asked());
      stopped = asked.number() > served && asked.thenStop();
      if (asked.number() > served || job.checkpoint().due(done, steps)) {
        served = asked.number();
        control.checkpointWritten(checkpoints.write(done, training.skipped()));
      }
    }
    transport.where().phase("finishing");
    control.finish(done, stopped);
  }

  @Override
  public void close() {
    transport.close();
    rank.close();
    store.close();
  }
}
