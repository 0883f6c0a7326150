package dev.gyre.deploy;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.bench.BalanceBench;
import dev.gyre.deploy.bench.BalanceResult;
import dev.gyre.deploy.console.Console;
import dev.gyre.kernels.DType;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.trainer.json.SpecJson;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "balance",
    mixinStandardHelpOptions = true,
    header = "Measures how evenly attention over packed documents falls on the ranks of a ring.",
    description = {
      "Ranks are threads of this process; what counts is the CPU time that each spends inside the",
      "attention kernels, forward and backward, so other work on the machine matters little. Lengths",
      "of the documents are log-normal. Every layout computes the same row."
    },
    footer = {"", "Try    ./gyre bench balance --ring 4 --tokens 32768 --median 600 --sigma 1"})
final class BenchBalanceCommand implements Callable<ExitCode> {
  @Option(names = "--ring", defaultValue = "4", description = "Default: ${DEFAULT-VALUE}.")
  private int ring;

  @Option(
      names = "--tokens",
      paramLabel = "N",
      defaultValue = "32768",
      description = "Of the row. Default: ${DEFAULT-VALUE}.")
  private int tokens;

  @Option(
      names = "--median",
      paramLabel = "N",
      defaultValue = "600",
      description = "Tokens of a document. Default: ${DEFAULT-VALUE}.")
  private double median;

  @Option(
      names = "--sigma",
      paramLabel = "S",
      defaultValue = "1",
      description = "Standard deviation of the lengths' logarithm. Default: ${DEFAULT-VALUE}.")
  private double sigma;

  @Option(names = "--seed", defaultValue = "1", description = "Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--window",
      paramLabel = "N",
      defaultValue = "0",
      description = "Keys a query sees; 0 for all before it. Default: ${DEFAULT-VALUE}.")
  private int window;

  @Option(
      names = "--sinks",
      paramLabel = "N",
      defaultValue = "0",
      description = "First tokens that stay in the window. Default: ${DEFAULT-VALUE}.")
  private int sinks;

  @Option(names = "--anchor", description = "Every document sees the row's first token.")
  private boolean anchor;

  @Option(
      names = "--prefix",
      paramLabel = "N",
      defaultValue = "0",
      description = "First tokens that see each other both ways. Default: ${DEFAULT-VALUE}.")
  private int prefix;

  @Option(
      names = "--heads",
      paramLabel = "N",
      defaultValue = "8",
      description = "Query heads, over half as many key/value heads. Default: ${DEFAULT-VALUE}.")
  private int heads;

  @Option(
      names = "--head-dim",
      paramLabel = "N",
      defaultValue = "64",
      description = "Default: ${DEFAULT-VALUE}.")
  private int headDim;

  @Option(
      names = "--repeats",
      paramLabel = "N",
      defaultValue = "3",
      description = "After one that warms up; the median counts. Default: ${DEFAULT-VALUE}.")
  private int repeats;

  @Option(
      names = "--dtype",
      paramLabel = "T",
      defaultValue = "f32",
      converter = DtypeOption.class,
      description = "bf16 or f32. Default: ${DEFAULT-VALUE}.")
  private DType dtype = DType.F32;

  @Option(
      names = "--backend",
      paramLabel = "B",
      defaultValue = "auto",
      description = "auto, onednn, vector, scalar.")
  private String backend = "auto";

  @Option(names = "--json", description = "One JSON object a line, for scripts.")
  private boolean json;

  @Override
  public ExitCode call() {
    require(ring >= 1 && ring <= 64, "--ring %d: from 1 to 64".formatted(ring));
    require(tokens >= 1, "--tokens %d: at least 1".formatted(tokens));
    require(median >= 1 && sigma >= 0, "--median: at least 1; --sigma: not negative");
    require(
        heads >= 1 && heads <= 64 && (heads == 1 || heads % 2 == 0), "--heads: even, at most 64");
    require(headDim >= 2 && headDim % 2 == 0 && headDim <= 256, "--head-dim: even, at most 256");
    require(repeats >= 1, "--repeats %d: at least 1".formatted(repeats));
    require(window >= 0 && sinks >= 0 && prefix >= 0, "a mask has no negative lengths");
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
            LocalBackend.choose(backend, dtype));
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

  private static void require(boolean holds, String problem) {
    if (!holds) {
      throw new CommandFailure(ExitCode.BAD_JOB, problem);
    }
  }
}
