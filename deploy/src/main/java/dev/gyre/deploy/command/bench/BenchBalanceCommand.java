package dev.gyre.deploy.command.bench;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.bench.BalanceBench;
import dev.gyre.deploy.bench.BalanceResult;
import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.options.BackendOption;
import dev.gyre.deploy.options.CommandFailure;
import dev.gyre.deploy.options.DtypeOption;
import dev.gyre.deploy.options.LocalBackend;
import dev.gyre.kernels.DType;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.trainer.json.SpecJson;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "balance",
    mixinStandardHelpOptions = true,
    header = "Measure the load balance of ring attention over packed documents.",
    description = {
      "Ranks are threads of this process. Measures the CPU time of each rank inside the attention"
          + " kernels, forward and backward, so that other load on the machine matters little. Document"
          + " lengths are log-normal. Every layout computes the same row."
    },
    footer = {"", "Try    ./gyre bench balance --ring 4 --tokens 32768 --median 600 --sigma 1"})
final class BenchBalanceCommand implements Callable<ExitCode> {
  @Option(
      names = "--ring",
      paramLabel = "R",
      defaultValue = "4",
      description = "Ring degree. Default: ${DEFAULT-VALUE}.")
  private int ring;

  @Option(
      names = "--tokens",
      paramLabel = "N",
      defaultValue = "32768",
      description = "Tokens in the row. Default: ${DEFAULT-VALUE}.")
  private int tokens;

  @Option(
      names = "--median",
      paramLabel = "N",
      defaultValue = "600",
      description = "Median length of a document, in tokens. Default: ${DEFAULT-VALUE}.")
  private double median;

  @Option(
      names = "--sigma",
      paramLabel = "S",
      defaultValue = "1",
      description = "Standard deviation of the log of the lengths. Default: ${DEFAULT-VALUE}.")
  private double sigma;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Seed of the document lengths. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--window",
      paramLabel = "N",
      defaultValue = "0",
      description = "Keys a query attends to; 0: all before it. Default: ${DEFAULT-VALUE}.")
  private int window;

  @Option(
      names = "--sinks",
      paramLabel = "N",
      defaultValue = "0",
      description = "First tokens that stay visible outside the window. Default: ${DEFAULT-VALUE}.")
  private int sinks;

  @Option(names = "--anchor", description = "Make the row's first token visible to every document.")
  private boolean anchor;

  @Option(
      names = "--prefix",
      paramLabel = "N",
      defaultValue = "0",
      description = "First tokens that attend to each other both ways. Default: ${DEFAULT-VALUE}.")
  private int prefix;

  @Option(
      names = "--heads",
      paramLabel = "N",
      defaultValue = "8",
      description =
          "Number of query heads; half as many key/value heads. Default: ${DEFAULT-VALUE}.")
  private int heads;

  @Option(
      names = "--head-dim",
      paramLabel = "N",
      defaultValue = "64",
      description = "Width of a head. Default: ${DEFAULT-VALUE}.")
  private int headDim;

  @Option(
      names = "--repeats",
      paramLabel = "N",
      defaultValue = "3",
      description = "Timed passes after a warm-up; the median counts. Default: ${DEFAULT-VALUE}.")
  private int repeats;

  @Option(
      names = "--dtype",
      paramLabel = "T",
      defaultValue = "f32",
      converter = DtypeOption.class,
      description = "Compute dtype: bf16 or f32. Default: ${DEFAULT-VALUE}.")
  private DType dtype = DType.F32;

  @Mixin private BackendOption backend = new BackendOption();

  @Option(names = "--json", description = "Print one JSON object per line.")
  private boolean json;

  @Override
  public ExitCode call() {
    check();
    BalanceBench bench =
        new BalanceBench(
            ring,
            tokens,
            median,
            sigma,
            seed,
            new AttentionMask(window, sinks, anchor, prefix),
            heads,
            headDim,
            repeats,
            dtype,
            LocalBackend.choose(backend.name(), dtype));
    Console console = new Console(System.out, false);
    if (!json) {
      console.line("layout      documents   pairs   forward  backward  of the mean       plan");
    }
    for (LayoutKind kind : LayoutKind.values()) {
      BalanceResult result = bench.run(kind);
      if (json) {
        console.line(SpecJson.line(result));
      } else {
        line(result, console);
      }
    }
    return ExitCode.DONE;
  }

  private void check() {
    NumberRange.whole(1, 64).require("--ring", ring);
    TrainSpec.SEQUENCE_LENGTH.require("--tokens", tokens);
    NumberRange.between(1, TrainSpec.SEQUENCE_LENGTH.most()).require("--median", median);
    NumberRange.between(0, 100).require("--sigma", sigma);
    AttentionPattern.TOKENS.require("--window", window);
    AttentionPattern.TOKENS.require("--sinks", sinks);
    CommandFailure.require(
        sinks == 0 || window > 0, "--sinks %d needs a --window".formatted(sinks));
    AttentionPattern.TOKENS.require("--prefix", prefix);
    NumberRange.whole(1, 64).require("--heads", heads);
    CommandFailure.require(
        heads == 1 || heads % 2 == 0, "--heads %d must be even".formatted(heads));
    HeadShape.SIZE.require("--head-dim", headDim);
    CommandFailure.require(headDim % 2 == 0, "--head-dim %d must be even".formatted(headDim));
    NumberRange.whole(1, 10_000).require("--repeats", repeats);
  }

  private static void line(BalanceResult r, Console console) {
    console.line(
        String.format(
            Locale.ROOT,
            "%-11s %9d %7.3f %9.3f %9.3f %20.2f ms",
            r.layout(),
            r.documents(),
            r.pairsOverMean(),
            r.forwardOverMean(),
            r.backwardOverMean(),
            r.planSeconds() * 1e3));
    console.line("            forward s  " + seconds(r.forwardSeconds()));
    console.line("            backward s " + seconds(r.backwardSeconds()));
  }

  private static String seconds(List<Double> values) {
    return values.stream()
        .map(value -> String.format(Locale.ROOT, "%.3f", value))
        .collect(Collectors.joining("  "));
  }
}
