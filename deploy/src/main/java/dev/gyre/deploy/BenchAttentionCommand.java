package dev.gyre.deploy;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.bench.AttentionBench;
import dev.gyre.deploy.bench.AttentionBench.Prediction;
import dev.gyre.deploy.bench.AttentionResult;
import dev.gyre.deploy.run.LocalPlanner;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.schedule.ScheduleKind;
import dev.gyre.trainer.worker.Dtypes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "attention",
    mixinStandardHelpOptions = true,
    header = "Measures how attention scales over ranks, by CPU time.",
    description = {
      "Runs full causal attention, forward and backward, over ranks that are threads of this process,",
      "with as many tokens to a rank however many ranks there are. Prints for every schedule the CPU time",
      "of the busiest rank, and efficiency: what one worker needs for the whole row, divided by the",
      "ranks, over that. Waiting is not counted, so there may be more ranks than cores. Beside it stands",
      "what a plan predicts from the rates of this machine, for ranks with a core each, waits included,",
      "and what the schedule auto would take of all there are."
    },
    footer = {"", "Try    ./gyre bench attention --ranks 2,4 --tokens 2048"})
final class BenchAttentionCommand implements Callable<ExitCode> {
  @Option(
      names = "--ranks",
      paramLabel = "P,…",
      split = ",",
      defaultValue = "2,4,8",
      description = "Default: ${DEFAULT-VALUE}.")
  private List<Integer> ranks = List.of();

  @Option(
      names = "--schedule",
      paramLabel = "S,…",
      split = ",",
      defaultValue = "ring,allgather,balanced,tokenring",
      description = "Default: ${DEFAULT-VALUE}.")
  private List<String> schedules = List.of();

  @Option(
      names = "--tokens",
      paramLabel = "N",
      defaultValue = "2048",
      description = "Of each rank. Default: ${DEFAULT-VALUE}.")
  private int tokens;

  @Option(names = "--heads", paramLabel = "N", defaultValue = "8", description = "Query heads: 8.")
  private int heads;

  @Option(names = "--kv", paramLabel = "N", defaultValue = "8", description = "Key/value heads: 8.")
  private int kvHeads;

  @Option(names = "--head-dim", paramLabel = "N", defaultValue = "64", description = "Default: 64.")
  private int headDim;

  @Option(
      names = "--dtype",
      paramLabel = "T",
      converter = DtypeOption.class,
      defaultValue = "bf16",
      description = "bf16 or f32. Default: ${DEFAULT-VALUE}.")
  private DType dtype = DType.BF16;

  @Option(
      names = "--backend",
      paramLabel = "B",
      defaultValue = "auto",
      description = "auto, onednn, vector, scalar.")
  private String backend = "auto";

  @Option(
      names = "--repeats",
      paramLabel = "N",
      defaultValue = "3",
      description = "Timed passes, of which the median counts. Default: ${DEFAULT-VALUE}.")
  private int repeats;

  @Override
  public ExitCode call() {
    require(tokens > 0, "--tokens %d: at least 1".formatted(tokens));
    require(repeats > 0, "--repeats %d: at least 1".formatted(repeats));
    for (String schedule : schedules) {
      require(
          ScheduleKind.KEYS.contains(schedule),
          "--schedule: '%s' must be one of %s"
              .formatted(schedule, String.join(", ", ScheduleKind.KEYS)));
    }
    String kernels = LocalBackend.choose(backend, dtype);
    AttentionBench bench =
        new AttentionBench(kernels, dtype, heads, kvHeads, headDim, tokens, repeats);
    Rates rates = LocalPlanner.rates(kernels, Dtypes.name(dtype), 1, Device.CPU);
    bench.warmUp();
    System.out.println(
        "schedule   layout       ranks    tokens    one worker   busiest rank   mean rank   efficiency"
            + "     predicted   of measured");
    for (int p : ranks) {
      require(p > 0, "--ranks %d: at least 1".formatted(p));
      List<AttentionResult> shared = new ArrayList<>();
      for (String schedule : schedules) {
        shared.add(bench.sharded(schedule, p));
      }
      // Last, when the compiler has long seen it all.
      AttentionResult alone = bench.alone(p);
      Prediction prediction = bench.predict(schedules, p, rates);
      shared.forEach(result -> print(result, alone, prediction.seconds(result.schedule())));
      System.out.println(
          "auto       would take %s, %s".formatted(prediction.schedule(), prediction.layout()));
    }
    return ExitCode.DONE;
  }

  private static void print(AttentionResult shared, AttentionResult alone, double predicted) {
    System.out.println(
        String.format(
            Locale.ROOT,
            "%-10s %-11s %6d %,9d %11.3f s %12.3f s %9.3f s %10.0f %% %11.3f s %11.0f %%",
            shared.schedule(),
            shared.layout(),
            shared.ranks(),
            shared.tokens(),
            alone.mostSeconds(),
            shared.mostSeconds(),
            shared.meanSeconds(),
            100 * shared.efficiency(alone),
            predicted,
            100 * predicted / shared.mostSeconds()));
  }

  private static void require(boolean holds, String problem) {
    if (!holds) {
      throw new CommandFailure(ExitCode.BAD_JOB, problem);
    }
  }
}
