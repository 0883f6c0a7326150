package dev.gyre.deploy.command.bench;

import dev.gyre.comms.ExitCode;
import dev.gyre.coordinator.Outcome;
import dev.gyre.deploy.bench.BenchJob;
import dev.gyre.deploy.bench.BenchResult;
import dev.gyre.deploy.bench.StepProfile;
import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.console.PlanText;
import dev.gyre.deploy.console.StepProfileText;
import dev.gyre.deploy.console.Units;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.deploy.launch.Interrupts;
import dev.gyre.deploy.launch.StartAgainException;
import dev.gyre.deploy.options.BackendOption;
import dev.gyre.deploy.options.BindOption;
import dev.gyre.deploy.options.CommandFailure;
import dev.gyre.deploy.options.DtypeOption;
import dev.gyre.deploy.options.Home;
import dev.gyre.deploy.options.MeshOptions;
import dev.gyre.deploy.options.Version;
import dev.gyre.deploy.run.JobData;
import dev.gyre.deploy.run.JobEvents;
import dev.gyre.deploy.run.LaunchOptions;
import dev.gyre.deploy.run.LocalJob;
import dev.gyre.deploy.run.LocalPlanner;
import dev.gyre.deploy.run.Preflight;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.job.ScheduleSpec;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
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
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "train",
    mixinStandardHelpOptions = true,
    header = "Measure training steps of a mixture-of-experts model.",
    description = {
      "Trains a fixed model on the bytes of a file and prints one line of JSON: seconds per step (median"
          + " after 2 warm-up steps), tokens per second, losses, MFU and CPU. Everything else goes to"
          + " standard error. The file is one document without masks, cut into rows of --seq bytes in"
          + " shuffled order. No run is kept."
    },
    footer = {"", "Try    ./gyre bench train --ring 2 --seq 8192 --steps 8 --text FILE"})
final class BenchTrainCommand implements Callable<ExitCode> {
  /** The option for each job key that has one, for error messages. */
  private static final Map<String, String> OPTIONS =
      Map.ofEntries(
          Map.entry("model.hidden_size", "--hidden"),
          Map.entry("model.num_hidden_layers", "--layers"),
          Map.entry("model.head_dim", "--hidden / --heads"),
          Map.entry("model.num_key_value_heads", "--kv"),
          Map.entry("model.num_local_experts", "--experts"),
          Map.entry("model.num_experts_per_tok", "--topk"),
          Map.entry("model.intermediate_size", "--ffn"),
          Map.entry("model.layer_types", "--layer-types"),
          Map.entry("model.sliding_window", "--window"),
          Map.entry("train.sequence-length", "--seq"),
          Map.entry("train.steps", "--steps"),
          Map.entry("train.optimizer.lr", "--lr"),
          Map.entry("train.recompute", "--recompute"),
          Map.entry("train.offload", "--offload"),
          Map.entry("train.mlp-tile", "--mlp-tile"),
          Map.entry("mesh.schedule", "--schedule"),
          Map.entry("transport", "--transport"));

  @Mixin private MeshOptions mesh = new MeshOptions();

  @Option(
      names = "--schedule",
      paramLabel = "S",
      defaultValue = "ring",
      description =
          "Attention schedule: auto, ring, allgather, balanced or tokenring. Default: ${DEFAULT-VALUE}.")
  private String schedule = "ring";

  @Option(
      names = "--seq",
      paramLabel = "N",
      defaultValue = "8192",
      description = "Tokens (bytes) per row. Default: ${DEFAULT-VALUE}.")
  private int sequence;

  @Option(
      names = "--dtype",
      paramLabel = "T",
      converter = DtypeOption.class,
      description = "Compute dtype: bf16 or f32. Default: bf16 if the CPU has it, else f32.")
  private @Nullable DType dtype;

  @Option(
      names = "--steps",
      paramLabel = "S",
      defaultValue = "8",
      description = "Number of steps. Default: ${DEFAULT-VALUE}.")
  private long steps;

  @Option(
      names = "--text",
      paramLabel = "FILE",
      required = true,
      description = "Text file of at least rows × row length × steps bytes.")
  private Path text = Path.of("");

  @Mixin private BackendOption backend = new BackendOption();

  @Option(
      names = "--transport",
      paramLabel = "T",
      defaultValue = "ipc",
      description = "Data transport: auto, ipc or udp. Default: ${DEFAULT-VALUE}.")
  private String transport = "ipc";

  @Option(
      names = {"--d", "--hidden"},
      paramLabel = "N",
      defaultValue = "512",
      description = "Hidden size. Default: ${DEFAULT-VALUE}.")
  private int hidden;

  @Option(
      names = "--layers",
      paramLabel = "N",
      defaultValue = "4",
      description = "Number of layers. Default: ${DEFAULT-VALUE}.")
  private int layers;

  @Option(
      names = "--heads",
      paramLabel = "N",
      defaultValue = "8",
      description = "Number of query heads. Default: ${DEFAULT-VALUE}.")
  private int heads;

  @Option(
      names = "--kv",
      paramLabel = "N",
      defaultValue = "4",
      description = "Number of key/value heads. Default: ${DEFAULT-VALUE}.")
  private int kvHeads;

  @Option(
      names = "--experts",
      paramLabel = "N",
      defaultValue = "8",
      description = "Experts per layer; 0: a dense model. Default: ${DEFAULT-VALUE}.")
  private int experts;

  @Option(
      names = "--topk",
      paramLabel = "N",
      defaultValue = "2",
      description = "Experts per token (top-k). Default: ${DEFAULT-VALUE}.")
  private int topK;

  @Option(
      names = "--ffn",
      paramLabel = "N",
      defaultValue = "768",
      description = "Hidden width of an expert. Default: ${DEFAULT-VALUE}.")
  private int ffn;

  @Option(
      names = "--layer-types",
      paramLabel = "KIND",
      split = ",",
      description =
          "Attention of each layer: full_attention, sliding_attention or linear_attention. Default: all"
              + " the same, sliding if there is a --window.")
  private List<String> layerTypes = List.of();

  @Option(
      names = "--window",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Keys a query of a sliding layer attends to; 0: all before it. Default: ${DEFAULT-VALUE}.")
  private int window;

  @Option(
      names = "--lr",
      paramLabel = "RATE",
      defaultValue = "3e-4",
      description = "Constant learning rate. Default: ${DEFAULT-VALUE}.")
  private double lr;

  @Option(
      names = "--recompute",
      paramLabel = "R",
      defaultValue = "auto",
      description =
          "Activations to recompute in the backward pass: auto, none, attention-saving or all. Default:"
              + " ${DEFAULT-VALUE}.")
  private String recompute = "auto";

  @Option(names = "--activations", hidden = true)
  private @Nullable String activations;

  @Option(
      names = "--offload",
      paramLabel = "O",
      defaultValue = "auto",
      description =
          "Offload saved activations to disk: auto, true or false. Default: ${DEFAULT-VALUE}.")
  private String offload = "auto";

  @Option(
      names = "--mlp-tile",
      paramLabel = "N",
      defaultValue = "-1",
      description =
          "Tokens per MLP or expert tile; 0: one tile; -1: the plan chooses. Default: ${DEFAULT-VALUE}.")
  private int mlpTile = MemorySpec.AUTO_TILE;

  @Option(
      names = "--trace",
      description = {
        "Keep the run's folder with a trace.json.",
        "Open it in https://ui.perfetto.dev."
      })
  private boolean trace;

  @Option(
      names = "--profile",
      description =
          "Print the time of a step by kernel, and keep the trace. Slows steps down by a few per cent.")
  private boolean profile;

  @Mixin private BindOption cores = new BindOption();

  @Option(names = "--runs", hidden = true, defaultValue = "runs")
  private Path runs = Path.of("runs");

  /**
   * The job as the options describe it.
   *
   * @throws Invalid naming the invalid option
   */
  BenchJob job() {
    NumberRange.wholeAtLeast(1).require("--steps", steps);
    HeadShape.HEADS.require("--heads", heads);
    CommandFailure.require(
        hidden % heads == 0, "--heads %d must divide --hidden %d".formatted(heads, hidden));
    try {
      BenchJob bench =
          new BenchJob(
              hidden,
              layers,
              heads,
              kvHeads,
              experts,
              topK,
              ffn,
              new AttentionPattern(
                  layerTypes.stream().map(key -> LayerKind.of(key, "model.layer_types")).toList(),
                  window),
              lr,
              mesh.alone(ScheduleSpec.parse(schedule)),
              sequence,
              steps,
              dtype == null ? "auto" : Dtypes.name(dtype),
              backend.name(),
              transport,
              MemorySpec.of(recompute(), offload, mlpTile),
              text);
      bench.spec();
      return bench;
    } catch (Invalid e) {
      throw new Invalid(OPTIONS.getOrDefault(e.key(), e.key()), e.problem());
    }
  }

  /**
   * The policy of {@code --recompute}, or of its former name {@code --activations} with its former
   * values.
   */
  private String recompute() {
    if (activations == null) {
      return recompute;
    }
    System.err.println("gyre: --activations is now --recompute, and full is all");
    return activations.equals(MemorySpec.FORMER_ALL) ? "all" : activations;
  }

  @Override
  public ExitCode call() throws IOException, InterruptedException {
    BenchJob bench = job();
    JobSpec job = bench.spec();
    StartAgainException.requireBackend(job.backend(), Device.parse(job.device()));
    Mesh resolved = Planner.mesh(job);
    LocalPlanner.transport(job.transport(), resolved);
    Preflight.requireWorkers(resolved.workers());
    CommandFailure.require(Files.isRegularFile(text), "--text " + text + ": no such file");
    long needed = bench.steps() * job.train().batchTokens();
    CommandFailure.require(
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
        "%s  %s  %s"
            .formatted(Version.line(), Cpu.model(), Units.of(resolved.workers(), "worker")));
    Recorded recorded = new Recorded(console, job);
    Outcome outcome;
    try (JobData data = JobData.open(job, Home.folder(), console)) {
      RunFolder folder = RunFolder.create(runs, job.name());
      Path store = data.store().folder().toAbsolutePath();
      LaunchOptions launch = new LaunchOptions(trace || profile, cores.bind(), null, null);
      try (Interrupts interrupts = Interrupts.install()) {
        outcome = new LocalJob(job, null, folder, store, null, launch, recorded).run(interrupts);
      }
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

  /** Records every step, and reports progress on standard error. */
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
        throw new IllegalStateException("a successful job has no plan");
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
