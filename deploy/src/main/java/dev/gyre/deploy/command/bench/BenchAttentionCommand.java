package dev.gyre.deploy.command.bench;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.bench.AttentionBench;
import dev.gyre.deploy.bench.AttentionBench.Prediction;
import dev.gyre.deploy.bench.AttentionResult;
import dev.gyre.deploy.options.BackendOption;
import dev.gyre.deploy.options.CommandFailure;
import dev.gyre.deploy.options.DtypeOption;
import dev.gyre.deploy.options.LocalBackend;
import dev.gyre.deploy.run.LocalPlanner;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.schedule.ScheduleKind;
import dev.gyre.trainer.worker.Dtypes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "attention",
    mixinStandardHelpOptions = true,
    header = "Measure how attention scales over ranks, in CPU time.",
    description = {
      "Runs full causal attention, forward and backward, with ranks as threads of this process and the"
          + " same number of tokens per rank for every number of ranks. For each schedule it prints the"
          + " CPU time of the busiest rank, and the efficiency: the time of one worker for the whole row,"
          + " divided by ranks × busiest rank. Waits are not counted, so there may be more ranks than"
          + " cores.",
      "",
      "The last columns are what a plan predicts from the rates of this machine, for ranks with a core"
          + " each, waits included, and the schedule that auto would take."
    },
    footer = {"", "Try    ./gyre bench attention --ranks 2,4 --tokens 2048"})
final class BenchAttentionCommand implements Callable<ExitCode> {
  @Option(
      names = "--ranks",
      paramLabel = "N",
      split = ",",
      defaultValue = "2,4,8",
      description = "Numbers of ranks. Default: ${DEFAULT-VALUE}.")
  private List<Integer> ranks = List.of();

  @Option(
      names = "--schedule",
      paramLabel = "S",
      split = ",",
      defaultValue = "ring,allgather,balanced,tokenring",
      description = "Attention schedules. Default: ${DEFAULT-VALUE}.")
  private List<String> schedules = List.of();

  @Option(
      names = "--tokens",
      paramLabel = "N",
      defaultValue = "2048",
      description = "Tokens per rank. Default: ${DEFAULT-VALUE}.")
  private int tokens;

  @Option(
      names = "--heads",
      paramLabel = "N",
      defaultValue = "8",
      description = "Number of query heads. Default: ${DEFAULT-VALUE}.")
  private int heads;

  @Option(
      names = "--kv",
      paramLabel = "N",
      defaultValue = "8",
      description = "Number of key/value heads. Default: ${DEFAULT-VALUE}.")
  private int kvHeads;

  @Option(
      names = "--head-dim",
      paramLabel = "N",
      defaultValue = "64",
      description = "Width of a head. Default: ${DEFAULT-VALUE}.")
  private int headDim;

  @Option(
      names = "--dtype",
      paramLabel = "T",
      converter = DtypeOption.class,
      defaultValue = "bf16",
      description = "Compute dtype: bf16 or f32. Default: ${DEFAULT-VALUE}.")
  private DType dtype = DType.BF16;

  @Mixin private BackendOption backend = new BackendOption();

  @Option(
      names = "--repeats",
      paramLabel = "N",
      defaultValue = "3",
      description = "Timed passes; the median counts. Default: ${DEFAULT-VALUE}.")
  private int repeats;

  @Override
  public ExitCode call() {
    check();
    String kernels = LocalBackend.choose(backend.name(), dtype);
    AttentionBench bench =
        new AttentionBench(kernels, dtype, heads, kvHeads, headDim, tokens, repeats);
    Rates rates = LocalPlanner.rates(kernels, Dtypes.name(dtype), 1, Device.CPU);
    bench.warmUp();
    System.out.println(
        "schedule   layout       ranks    tokens    one worker   busiest rank   mean rank   efficiency"
            + "     predicted   of measured");
    for (int p : ranks) {
      List<AttentionResult> shared = new ArrayList<>();
      for (String schedule : schedules) {
        shared.add(bench.sharded(schedule, p));
      }
      // Measured last, when the JIT has compiled everything.
      AttentionResult alone = bench.alone(p);
      Prediction prediction = bench.predict(schedules, p, rates);
      shared.forEach(result -> print(result, alone, prediction.seconds(result.schedule())));
      System.out.println(
          "auto       would take %s, %s".formatted(prediction.schedule(), prediction.layout()));
    }
    return ExitCode.DONE;
  }

  private void check() {
    TrainSpec.SEQUENCE_LENGTH.require("--tokens", tokens);
    for (int p : ranks) {
      NumberRange.whole(1, 256).require("--ranks", p);
      CommandFailure.require(
          TrainSpec.SEQUENCE_LENGTH.holds((double) p * tokens),
          "--tokens %d on %d ranks: a row must have %s tokens"
              .formatted(tokens, p, TrainSpec.SEQUENCE_LENGTH.text()));
    }
    HeadShape.HEADS.require("--heads", heads);
    NumberRange.whole(1, heads).require("--kv", kvHeads);
    CommandFailure.require(
        heads % kvHeads == 0, "--kv %d must divide --heads %d".formatted(kvHeads, heads));
    HeadShape.SIZE.require("--head-dim", headDim);
    CommandFailure.require(headDim % 2 == 0, "--head-dim %d must be even".formatted(headDim));
    NumberRange.whole(1, 10_000).require("--repeats", repeats);
    for (String schedule : schedules) {
      CommandFailure.require(
          ScheduleKind.KEYS.contains(schedule),
          "--schedule '%s' must be one of %s"
              .formatted(schedule, String.join(", ", ScheduleKind.KEYS)));
    }
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
}
