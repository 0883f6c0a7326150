package dev.gyre.deploy;

import dev.gyre.comms.ExitCode;
import dev.gyre.kernels.DType;
import dev.gyre.partitioning.job.Invalid;
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
    header = "Holds this build against a reference computed elsewhere.",
    description = {
      "Losses, logits, router choices and every gradient of a small model, on any mesh, whose ranks are",
      "threads of this process. Prints the largest error of each group of tensors; exits with 1 if one",
      "is outside tolerance. In f32 it also trains the steps of curve.json; in bf16 it replays the",
      "reference's router choices."
    },
    footer = {
      "",
      "Try    G=worker/model/src/test/resources/golden",
      "       ./gyre golden $G/packed --ring 2 --ulysses 2 --expert-parallel 4"
    })
final class GoldenCommand implements Callable<ExitCode> {
  @Parameters(
      paramLabel = "DIR",
      description = {
        "A folder with config.json, model.safetensors, batch.safetensors, expected.safetensors",
        "and, for losses of several steps, curve.json."
      })
  private Path folder = Path.of("");

  @Mixin private MeshOptions degrees = new MeshOptions();

  @Option(
      names = "--backend",
      paramLabel = "B",
      defaultValue = "auto",
      description = "auto, onednn, vector, torch or scalar. Default: ${DEFAULT-VALUE}.")
  private String backend = "auto";

  @Option(
      names = "--dtype",
      paramLabel = "T",
      defaultValue = "f32",
      converter = DtypeOption.class,
      description = "f32 or bf16. Default: ${DEFAULT-VALUE}.")
  private DType dtype = DType.F32;

  @Option(
      names = "--transport",
      paramLabel = "T",
      defaultValue = "loopback",
      description = "loopback, ipc or udp. Default: ${DEFAULT-VALUE}.")
  private String transport = "loopback";

  @Option(
      names = "--schedule",
      paramLabel = "S",
      defaultValue = RingSchedule.KEY,
      description = {
        "auto, ring, allgather, balanced or tokenring, or by kind of layer:",
        "full_attention=ring,sliding_attention=allgather. Default: ${DEFAULT-VALUE}."
      })
  private String schedule = RingSchedule.KEY;

  @Override
  public ExitCode call() throws IOException {
    ScheduleSpec asked = schedule();
    LocalNetwork.Factory network =
        LocalNetwork.named(transport, line -> System.err.println("gyre: " + line));
    GoldenCase golden = GoldenCase.load(folder);
    Mesh mesh = Planner.mesh(degrees.alone(), golden.model());
    String chosen = LocalBackend.choose(backend, dtype);
    System.out.printf(
        "data-parallel %d  ring %d  ulysses %d  expert-parallel %d  %s  %s  %s  %s%n",
        mesh.dataParallel(),
        mesh.ring(),
        mesh.ulysses(),
        mesh.expertParallel(),
        chosen,
        Dtypes.name(dtype),
        transport,
        asked);
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
