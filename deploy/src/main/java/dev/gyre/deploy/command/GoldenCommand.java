package dev.gyre.deploy.command;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.options.BackendOption;
import dev.gyre.deploy.options.CommandFailure;
import dev.gyre.deploy.options.DtypeOption;
import dev.gyre.deploy.options.LocalBackend;
import dev.gyre.deploy.options.MeshOptions;
import dev.gyre.kernels.DType;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.ScheduleSpec;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.plan.Planner;
import dev.gyre.partitioning.schedule.RingSchedule;
import dev.gyre.trainer.golden.GoldenCase;
import dev.gyre.trainer.golden.GoldenReport;
import dev.gyre.trainer.golden.GoldenRun;
import dev.gyre.trainer.rank.LocalNetwork;
import dev.gyre.trainer.worker.Dtypes;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "golden",
    mixinStandardHelpOptions = true,
    header = "Compare this build with a reference computed elsewhere.",
    description = {
      "Compares losses, logits, router choices and every gradient of a small model, on any mesh, with"
          + " ranks as threads of this process. Prints the largest error of each group of tensors, and"
          + " exits with 1 if one is outside its tolerance. In f32 it also trains the steps of"
          + " curve.json; in bf16 it replays the reference's router choices."
    },
    footer = {
      "",
      "Try    G=worker/model/src/test/resources/golden",
      "       ./gyre golden $G/packed --ring 2 --ulysses 2 --expert-parallel 4"
    })
public final class GoldenCommand implements Callable<ExitCode> {
  @Parameters(
      paramLabel = "DIR",
      description = {
        "Folder with config.json, model.safetensors,",
        "batch.safetensors, expected.safetensors and, for",
        "losses of several steps, curve.json."
      })
  private Path folder = Path.of("");

  @Mixin private MeshOptions degrees = new MeshOptions();

  @Mixin private BackendOption backend = new BackendOption();

  @Option(
      names = "--dtype",
      paramLabel = "T",
      defaultValue = "f32",
      converter = DtypeOption.class,
      description = "Compute dtype: f32 or bf16. Default: ${DEFAULT-VALUE}.")
  private DType dtype = DType.F32;

  @Option(
      names = "--transport",
      paramLabel = "T",
      defaultValue = "loopback",
      description = "Transport: loopback, ipc or udp. Default: ${DEFAULT-VALUE}.")
  private String transport = "loopback";

  @Option(
      names = "--schedule",
      paramLabel = "S",
      defaultValue = RingSchedule.KEY,
      description =
          "Attention schedule: auto, ring, allgather, balanced or tokenring; or per layer type:"
              + " full_attention=ring,sliding_attention=allgather. Default: ${DEFAULT-VALUE}.")
  private String schedule = RingSchedule.KEY;

  @Override
  public ExitCode call() throws IOException {
    ScheduleSpec asked = schedule();
    LocalNetwork.Factory network =
        LocalNetwork.named(transport, line -> System.err.println("gyre: " + line));
    MeshSpec wanted = degrees.alone();
    GoldenCase golden = GoldenCase.load(folder);
    Mesh mesh = Planner.mesh(wanted, golden.model());
    String chosen = LocalBackend.choose(backend.name(), dtype);
    System.out.printf("%s  %s  %s  %s  %s%n", mesh, chosen, Dtypes.name(dtype), transport, asked);
    GoldenReport report = GoldenRun.run(golden, mesh, chosen, dtype, network, asked);
    System.out.println(report.table());
    return report.passed() ? ExitCode.DONE : ExitCode.DIFFERENT;
  }

  private ScheduleSpec schedule() {
    try {
      return ScheduleSpec.parse(schedule);
    } catch (Invalid e) {
      throw new CommandFailure(
          ExitCode.BAD_JOB, String.valueOf(e.getMessage()).replace("mesh.schedule", "--schedule"));
    }
  }
}
