package dev.gyre.deploy;

import dev.gyre.comms.ExitCode;
import dev.gyre.coordinator.Outcome;
import dev.gyre.deploy.bench.BenchJob;
import dev.gyre.deploy.bench.BenchResult;
import dev.gyre.deploy.bench.StepProfile;
import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.console.PlanText;
import dev.gyre.deploy.console.StepProfileText;
import dev.gyre.deploy.console.Units;
import dev.gyre.deploy.launch.MissingPartException;
import dev.gyre.deploy.launch.RunFolder;
import dev.gyre.deploy.run.JobData;
import dev.gyre.deploy.run.JobEvents;
import dev.gyre.deploy.run.LaunchOptions;
import dev.gyre.deploy.run.LocalJob;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.partitioning.job.AttentionPattern;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.LayerKind;
import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.job.ScheduleSpec;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.Planner;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.step.StepMetrics;
import dev.gyre.trainer.worker.Dtypes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "train",
    mixinStandardHelpOptions = true,
    header = "Measures training steps of a mixture of experts.",
    description = {
      "Trains on the bytes of one file for some steps and prints one line of JSON: seconds a step (the",
      "median after 2 steps that warm up), tokens per second, losses, MFU, CPU. All else goes to",
      "standard error. The file is one document without masks, cut into rows of --seq bytes that come",
      "in a shuffled order. Nothing is kept."
    },
    footer = {
      "",
      "Try    ./gyre bench train --ring 2 --seq 8192 --dtype bf16 --steps 8 --text FILE"
    })
final class BenchTrainCommand implements Callable<ExitCode> {
  @Mixin private MeshOptions mesh = new MeshOptions();

  @Option(
      names = "--schedule",
      paramLabel = "S",
      defaultValue = "ring",
      description = "auto, ring, allgather, balanced or tokenring. Default: ${DEFAULT-VALUE}.")
  private String schedule = "ring";

  @Option(
      names = "--seq",
      paramLabel = "N",
      defaultValue = "8192",
      description = "Tokens (bytes) of a row. Default: ${DEFAULT-VALUE}.")
  private int sequence;

  @Option(
      names = "--dtype",
      paramLabel = "T",
      converter = DtypeOption.class,
      description = "bf16 or f32. Default: bf16 where the CPU has it, else f32.")
  private @Nullable DType dtype;

  @Option(
      names = "--steps",
      paramLabel = "S",
      defaultValue = "8",
      description = "Default: ${DEFAULT-VALUE}.")
  private long steps;

  @Option(
      names = "--text",
      paramLabel = "FILE",
      required = true,
      description = "A text file of at least N × D × S bytes.")
  private Path text = Path.of("");

  @Option(
      names = "--backend",
      paramLabel = "B",
      defaultValue = "auto",
      description = "auto, onednn, vector, torch, scalar.")
  private String backend = "auto";

  @Option(
      names = "--transport",
      paramLabel = "T",
      defaultValue = "ipc",
      description = "ipc or udp.")
  private String transport = "ipc";

  @Option(
      names = {"--d", "--hidden"},
      paramLabel = "N",
      defaultValue = "512",
      description = "Model width: ${DEFAULT-VALUE}.")
  private int hidden;

  @Option(
      names = "--layers",
      paramLabel = "N",
      defaultValue = "4",
      description = "Layers: ${DEFAULT-VALUE}.")
  private int layers;

  @Option(
      names = "--heads",
      paramLabel = "N",
      defaultValue = "8",
      description = "Query heads: ${DEFAULT-VALUE}.")
  private int heads;

  @Option(
      names = "--kv",
      paramLabel = "N",
      defaultValue = "4",
      description = "Key/value heads: ${DEFAULT-VALUE}.")
  private int kvHeads;

  @Option(
      names = "--experts",
      paramLabel = "N",
      defaultValue = "8",
      description = "Experts: ${DEFAULT-VALUE}.")
  private int experts;

  @Option(
      names = "--topk",
      paramLabel = "N",
      defaultValue = "2",
      description = "Of them a token: ${DEFAULT-VALUE}.")
  private int topK;

  @Option(
      names = "--ffn",
      paramLabel = "N",
      defaultValue = "768",
      description = "Expert width: ${DEFAULT-VALUE}.")
  private int ffn;

  @Option(
      names = "--layer-types",
      paramLabel = "KIND",
      split = ",",
      description =
          "What mixes the tokens of each layer: full_attention, sliding_attention or"
              + " linear_attention, one a layer. Default: all alike, sliding if there is a --window.")
  private List<String> layerTypes = List.of();

  @Option(
      names = "--window",
      paramLabel = "N",
      defaultValue = "0",
      description = "Keys a query of a sliding layer sees; 0: all before it.")
  private int window;

  @Option(
      names = "--lr",
      paramLabel = "RATE",
      defaultValue = "3e-4",
      description = "Constant: ${DEFAULT-VALUE}.")
  private double lr;

  @Option(
      names = "--recompute",
      paramLabel = "R",
      defaultValue = "auto",
      description = {
        "Activations to recompute in the backward pass: auto, none, attention-saving or all.",
        "Default: ${DEFAULT-VALUE}."
      })
  private String recompute = "auto";

  @Option(names = "--activations", hidden = true)
  private @Nullable String activations;

  @Option(
      names = "--offload",
      paramLabel = "O",
      defaultValue = "auto",
      description = "Activations wait on disk: auto, true or false.")
  private String offload = "auto";

  @Option(
      names = "--mlp-tile",
      paramLabel = "N",
      defaultValue = "-1",
      description = "Tokens of an MLP's tile; 0: all; -1: the plan chooses.")
  private int mlpTile = MemorySpec.AUTO_TILE;

  @Option(
      names = "--trace",
      description = "Keeps the run's folder with a trace.json, for https://ui.perfetto.dev.")
  private boolean trace;

  @Option(
      names = "--profile",
      description =
          "Shows where the steps' time went, kernel by kernel, and keeps the trace. Costs a few per"
              + " cent.")
  private boolean profile;

  @Option(
      names = "--no-bind",
      description = {
        "Lets the system choose workers' cores. Else each keeps to its share of them, if there are as",
        "many as workers and nobody has narrowed them."
      })
  private boolean unbound;

  @Option(names = "--runs", hidden = true, defaultValue = "runs")
  private Path runs = Path.of("runs");

  /** The job as the options describe it. */
  BenchJob job() {
    require(
        heads > 0 && hidden % heads == 0, "--heads %d must divide --d %d".formatted(heads, hidden));
    require(steps > 0, "--steps %d: at least 1".formatted(steps));
    String type = dtype == null ? "auto" : Dtypes.name(dtype);
    return new BenchJob(
        hidden,
        layers,
        heads,
        kvHeads,
        experts,
        topK,
        ffn,
        new AttentionPattern(
            layerTypes.stream().map(key -> LayerKind.of(key, "--layer-types")).toList(), window),
        lr,
        mesh.alone(ScheduleSpec.parse(schedule)),
        sequence,
        steps,
        type,
        backend,
        transport,
        new MemorySpec(recompute(), offload, "", mlpTile),
        text);
  }

  /** The option had another name. */
  private String recompute() {
    if (activations == null) {
      return recompute;
    }
    System.err.println("gyre: --activations is now --recompute, and full is all");
    return activations;
  }

  @Override
  public ExitCode call() throws IOException, InterruptedException {
    BenchJob bench = job();
    JobSpec job = bench.spec();
    MissingPartException.requireBackend(job.backend(), Device.parse(job.device()));
    Mesh resolved = Planner.mesh(job);
    require(Files.isRegularFile(text), "--text " + text + ": no such file");
    long needed = bench.steps() * job.train().batchTokens();
    require(
        Files.size(text) >= needed,
        String.format(
            Locale.ROOT,
            "--text %s has %,d bytes; %,d steps of %,d tokens need %,d. Use a longer text or fewer"
                + " --steps",
            text,
            Files.size(text),
            bench.steps(),
            job.train().batchTokens(),
            needed));
    Console console = new Console(System.err, false);
    console.line(
        "%s  %s  %s".formatted(Version.line(), Cpu.model(), PlanText.workers(resolved.workers())));
    Recorded recorded = new Recorded(console, job);
    Outcome outcome;
    try (JobData data = JobData.open(job, Home.folder(), console)) {
      RunFolder folder = RunFolder.create(runs, job.name());
      Path store = data.store().folder().toAbsolutePath();
      LaunchOptions launch = new LaunchOptions(trace || profile, !unbound);
      outcome = new LocalJob(job, null, folder, store, null, launch, recorded).run();
      boolean well = outcome.exit() == ExitCode.DONE || outcome.exit() == ExitCode.INTERRUPTED;
      if (profile && outcome.exit() == ExitCode.DONE) {
        StepProfile made = StepProfile.read(folder.trace(), recorded.steps);
        StepProfileText.lines(made).forEach(console::line);
      }
      if (well && !launch.trace()) {
        folder.delete();
      } else if (!well && folder.exists()) {
        console.line("Logs: " + folder.mergedLog());
      }
    }
    if (outcome.exit() != ExitCode.DONE) {
      System.err.println("gyre: " + outcome.message());
      return outcome.exit();
    }
    BenchResult result =
        BenchResult.of(Version.text(), bench, recorded.plan(), recorded.steps, Cpu.model());
    System.out.println(SpecJson.line(result));
    return ExitCode.DONE;
  }

  private static void require(boolean holds, String problem) {
    if (!holds) {
      throw new CommandFailure(ExitCode.BAD_JOB, problem);
    }
  }

  /** Keeps every step, and says on standard error how it goes. */
  private static final class Recorded implements JobEvents {
    private final Console console;
    private final JobSpec job;
    private final List<StepMetrics> steps = new ArrayList<>();
    private @Nullable Plan plan;

    Recorded(Console console, JobSpec job) {
      this.console = console;
      this.job = job;
    }

    Plan plan() {
      Plan made = plan;
      if (made == null) {
        throw new IllegalStateException("a job ended well without a plan");
      }
      return made;
    }

    @Override
    public void planned(Plan made) {
      plan = made;
      console.titled("model", PlanText.model(job.model()));
      console.titled("kernel", made.backend() + "  " + made.dtype() + "  " + made.instructionSet());
      console.titled("plan", PlanText.shape(made));
      console.titled("", PlanText.traffic(made, job));
    }

    @Override
    public void step(StepMetrics m) {
      steps.add(m);
      console.line(
          String.format(
              Locale.ROOT,
              "step %4d  loss %.4f  %s  %,.0f tok/s  MFU %s  exposed %s, waits %s",
              m.step(),
              m.loss(),
              Units.seconds(m.stepSeconds()),
              m.tokensPerSecond(),
              Units.percent(m.mfu()),
              Units.percent(m.exposedFraction()),
              Units.seconds(m.waitSeconds())));
    }

    @Override
    public void note(String line) {
      console.line(line);
    }
  }
}
