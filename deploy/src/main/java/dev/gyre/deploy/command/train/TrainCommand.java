package dev.gyre.deploy.command.train;

import dev.gyre.comms.ExitCode;
import dev.gyre.coordinator.Outcome;
import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.console.PlanText;
import dev.gyre.deploy.console.Units;
import dev.gyre.deploy.files.PlanFile;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.deploy.launch.Interrupts;
import dev.gyre.deploy.launch.StartAgainException;
import dev.gyre.deploy.launch.WorkerFlags;
import dev.gyre.deploy.options.BindOption;
import dev.gyre.deploy.options.CommandFailure;
import dev.gyre.deploy.options.Home;
import dev.gyre.deploy.options.JobOptions;
import dev.gyre.deploy.options.RunsOption;
import dev.gyre.deploy.options.Version;
import dev.gyre.deploy.run.GivenPlan;
import dev.gyre.deploy.run.JobData;
import dev.gyre.deploy.run.LaunchOptions;
import dev.gyre.deploy.run.LocalJob;
import dev.gyre.deploy.run.LocalPlanner;
import dev.gyre.deploy.run.Preflight;
import dev.gyre.deploy.run.RunInputs;
import dev.gyre.kernels.Device;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.Planner;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "train",
    mixinStandardHelpOptions = true,
    header = "Train a job on this machine.",
    description = {
      "Starts a coordinator and one process per worker. Without a job file it trains the quickstart"
          + " recipe, about three minutes. A mesh degree that is 0 or not given is chosen by the"
          + " plan. Ctrl-C saves a checkpoint and stops; --resume continues from it."
    },
    footer = {
      "",
      "Try    ./gyre train recipes/quickstart.yaml --set train.steps=400",
      "       ./gyre train --resume"
    })
public final class TrainCommand implements Callable<ExitCode> {
  /** How long the summary waits for a terminal that its user has blocked (Ctrl-S). */
  private static final Duration BLOCKED_TERMINAL_LIMIT = Duration.ofDays(1);

  @Spec private @Nullable CommandSpec spec;

  @Mixin private JobOptions options = new JobOptions();

  @Option(
      names = "--resume",
      description = "Continue from the newest whole checkpoint of the job's newest run.")
  private boolean resume;

  @Option(
      names = "--run",
      paramLabel = "RUN",
      description = "With --resume: name or folder of the run to continue.")
  private @Nullable Path run;

  @Option(
      names = "--plan",
      paramLabel = "FILE",
      description = "Use this plan.json instead of making a plan.")
  private @Nullable Path plan;

  @Option(
      names = "--trace",
      description = {
        "Write a timeline of every rank to trace.json.",
        "Open it in https://ui.perfetto.dev."
      })
  private boolean trace;

  @Mixin private BindOption cores = new BindOption();

  @Option(
      names = "--grace",
      paramLabel = "TIME",
      converter = DurationConverter.class,
      description = {
        "Time to finish the step and save after SIGTERM, such as 90s or 15m.",
        "Default: twice the time of a step and a checkpoint, at least 25s."
      })
  private @Nullable Duration grace;

  @Option(
      names = "--stall-timeout",
      paramLabel = "TIME",
      converter = DurationConverter.class,
      description = {
        "End the run when a rank makes no progress for this long. Default: from",
        "the plan and the measured steps, at least 5m; 1h for reading or writing files."
      })
  private @Nullable Duration stallTimeout;

  @Mixin private RunsOption runs = new RunsOption();

  @Override
  public ExitCode call() throws IOException, InterruptedException {
    // Counts from the start of the JVM, because the user waits for its start-up too.
    long began = System.nanoTime() - ManagementFactory.getRuntimeMXBean().getUptime() * 1_000_000L;
    try (Console console = Console.patient()) {
      return train(console, began);
    }
  }

  private ExitCode train(Console console, long began) throws IOException, InterruptedException {
    if (run != null && !resume) {
      throw new CommandFailure(
          ExitCode.BAD_JOB, "--run %s names the run to resume; add --resume".formatted(run));
    }
    JobSpec job = options.read();
    Mesh mesh = Planner.mesh(job); // fails for an invalid mesh before data is read
    String transport = job.transport();
    Plan given = plan == null ? null : readPlan(plan);
    if (given != null) {
      GivenPlan.check(given, job);
      StartAgainException.requireBackend(given.backend(), Device.parse(job.device()));
      mesh = given.mesh();
      transport = given.transport();
    }
    LocalPlanner.transport(transport, mesh); // the same for a transport that cannot connect it
    int workers = mesh.workers();
    Preflight.requireWorkers(workers);
    Preflight.requireThreads(job);
    console.line(
        "%s  %s, %s"
            .formatted(
                Version.line(),
                Units.of(Runtime.getRuntime().availableProcessors(), "core"),
                Units.of(workers, "worker")));
    ResumePoint from = resume ? ResumePoint.find(job, run, runs.path(), console::line) : null;
    console.titled(
        "job",
        options.path()
            + (options.isDefault() ? "   (no job given: this is the default)" : "")
            + (from == null ? "" : "   resuming from " + from.checkpoint()));
    if (from != null && from.isFinished(job)) {
      finished(job, from, console);
      return ExitCode.DONE;
    }
    if (from != null) {
      from.requireSameJob(job);
    }
    try (JobData data = JobData.open(job, Home.folder(), console)) {
      if (from == null) {
        Preflight.requireRows(job, data);
        Preflight.requireWeights(job);
      } else {
        RunInputs.requireSame(from.folder(), from.checkpoint(), job, data, console);
      }
      Preflight.requireLabels(job, data);
      Preflight.requirePackable(data, WorkerFlags.DEFAULT.heapBytes());
      console.titled("data", data.describe());
      data.notes().forEach(note -> console.titled("text", note));
      console.titled("model", PlanText.model(job.model()));
      TrainConsole events = new TrainConsole(console, job, given != null, began, System::nanoTime);
      // From here until the final report, signals are handled for the run.
      try (Interrupts interrupts = Interrupts.install()) {
        // Created last, so that earlier failures leave no folder.
        RunFolder folder = from == null ? RunFolder.create(runs.path(), job.name()) : from.folder();
        RunInputs.keep(folder, job, data);
        console.titled("run", folder.toString());
        Path store = data.store().folder().toAbsolutePath();
        LaunchOptions launch = new LaunchOptions(trace, cores.bind(), grace, stallTimeout);
        Path checkpoint = from == null ? null : from.checkpoint();
        Outcome outcome =
            new LocalJob(job, given, folder, store, checkpoint, launch, events).run(interrupts);
        return finish(job, folder, data, console, events, outcome);
      }
    }
  }

  /** Reports that no step is left to train, before any worker starts. */
  private void finished(JobSpec job, ResumePoint from, Console console) {
    long done = from.manifest().step();
    long steps = job.train().steps();
    console.titled(
        "done",
        "nothing is left to do: %s has trained %s, train.steps is %,d"
            .formatted(from.folder(), Units.of(done, "step"), steps));
    next(job, from.folder()).print(console, done);
  }

  private static Plan readPlan(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new CommandFailure(ExitCode.BAD_JOB, "--plan " + file + ": no such file");
    }
    try {
      return PlanFile.read(file);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(
          ExitCode.BAD_JOB, "--plan: %s. Make one: ./gyre plan --json".formatted(e.getMessage()));
    }
  }

  private ExitCode finish(
      JobSpec job,
      RunFolder folder,
      JobData data,
      Console console,
      TrainConsole events,
      Outcome outcome)
      throws InterruptedException {
    if (outcome.exit() != ExitCode.DONE) {
      console.line("");
      console.error("gyre: " + outcome.message());
      if (outcome.newestCheckpoint() != null) {
        boolean changeFirst = outcome.exit() == ExitCode.BAD_JOB;
        console.error(
            "      Newest checkpoint: %s. %s: %s"
                .formatted(
                    outcome.newestCheckpoint(),
                    changeFirst ? "Change the job, then continue with" : "Continue with",
                    next(job, folder).resume()));
      }
      if (folder.exists()) {
        console.error("      Logs: " + folder.mergedLog());
      }
      return outcome.exit();
    }
    new TrainSummary(console, folder, data, next(job, folder), job.train().steps())
        .print(events, outcome);
    console.flush(BLOCKED_TERMINAL_LIMIT);
    return ExitCode.DONE;
  }

  private NextCommands next(JobSpec job, RunFolder folder) {
    return new NextCommands(
        job,
        folder,
        Objects.requireNonNull(spec).root().commandLine().getParseResult().originalArgs());
  }
}
