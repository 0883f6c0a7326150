package dev.gyre.deploy.command.bench;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.bench.CollectiveResult;
import dev.gyre.deploy.bench.CollectivesBench;
import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.deploy.options.BindOption;
import dev.gyre.deploy.options.CommandFailure;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.worker.Transports;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "collectives",
    mixinStandardHelpOptions = true,
    header = "Measure collectives between worker processes of this machine.",
    description = {
      "Prints time and bandwidth per call as rank 0 measures them, after a barrier before each call."
          + " Bandwidth is the size divided by the median time."
    },
    footer = {
      "",
      "A size is what each rank sends (ring_sendrecv), contributes (all_gather), or holds in all",
      "(all_reduce, all_to_all, reduce_scatter).",
      "",
      "Try    ./gyre bench collectives --workers 4 --sizes 1m,16m"
    })
final class BenchCollectivesCommand implements Callable<ExitCode> {
  private static final NumberRange BYTES = NumberRange.whole(4, 1L << 34);

  @Option(
      names = "--workers",
      paramLabel = "N",
      defaultValue = "2",
      description = "Number of workers. Default: ${DEFAULT-VALUE}.")
  private int workers;

  @Option(
      names = "--transport",
      paramLabel = "T",
      defaultValue = "ipc",
      description = "Data transport: ipc or udp. Default: ${DEFAULT-VALUE}.")
  private String transport = "ipc";

  @Option(
      names = "--repeats",
      paramLabel = "N",
      defaultValue = "20",
      description = "Timed calls per collective and size. Default: ${DEFAULT-VALUE}.")
  private int repeats;

  @Option(
      names = "--sizes",
      paramLabel = "BYTES",
      split = ",",
      defaultValue = "4k,256k,4m,32m",
      description = "Sizes in bytes; k is 1024, m is 1024². Default: ${DEFAULT-VALUE}.")
  private List<String> sizes = List.of();

  @Option(names = "--json", description = "Print one JSON object per line.")
  private boolean json;

  @Mixin private BindOption cores = new BindOption();

  @Option(names = "--runs", hidden = true, defaultValue = "runs")
  private Path runs = Path.of("runs");

  /** The benchmark that the options describe. */
  CollectivesBench bench() {
    WorkerCapabilities.Transport limits = limits();
    NumberRange.whole(1, limits.mostRanks()).require("--workers", workers);
    NumberRange.whole(1, 1_000_000).require("--repeats", repeats);
    return new CollectivesBench(
        workers, transport, repeats, sizes.stream().map(this::bytes).toList(), cores.bind());
  }

  private WorkerCapabilities.Transport limits() {
    List<String> names = new ArrayList<>();
    for (WorkerCapabilities.Transport offer : Transports.offers()) {
      if (offer.name().equals(transport)) {
        return offer;
      }
      names.add(offer.name());
    }
    throw new CommandFailure(
        ExitCode.BAD_JOB,
        "--transport '%s' must be one of %s".formatted(transport, String.join(", ", names)));
  }

  private long bytes(String text) {
    String size = text.strip().toLowerCase(Locale.ROOT);
    long unit = size.endsWith("k") ? 1 << 10 : size.endsWith("m") ? 1 << 20 : 1;
    String digits = unit == 1 ? size : size.substring(0, size.length() - 1);
    CommandFailure.require(
        digits.matches("[0-9]{1,12}"),
        "--sizes '%s' is not a size such as 4096, 256k or 32m".formatted(text));
    long bytes = Long.parseLong(digits) * unit;
    BYTES.require("--sizes", bytes);
    CommandFailure.require(
        bytes % ((long) Float.BYTES * workers) == 0,
        "--sizes %s must be a multiple of %d: one f32 number for each of %d workers"
            .formatted(text, Float.BYTES * workers, workers));
    return bytes;
  }

  @Override
  public ExitCode call() throws IOException, InterruptedException {
    CollectivesBench bench = bench();
    RunFolder folder = RunFolder.create(runs, "bench-collectives");
    List<CollectiveResult> results = bench.run(folder);
    folder.delete();
    Console console = new Console(System.out, false);
    if (json) {
      results.forEach(result -> console.line(SpecJson.line(result)));
    } else {
      table(results, console);
    }
    return ExitCode.DONE;
  }

  private static void table(List<CollectiveResult> results, Console console) {
    console.line(
        "op              world      bytes     median       best    GB/s       wait   CPU wait");
    for (CollectiveResult r : results) {
      console.line(
          String.format(
              Locale.ROOT,
              "%-15s %5d %10s %10s %10s %7.2f %10s %10s",
              r.op(),
              r.world(),
              size(r.bytes()),
              micros(r.medianSeconds()),
              micros(r.bestSeconds()),
              r.gbpsMedian(),
              micros(r.waitSeconds()),
              micros(r.cpuWaitSeconds())));
    }
  }

  private static String size(long bytes) {
    if (bytes % (1 << 20) == 0) {
      return (bytes >> 20) + " MiB";
    }
    return bytes % (1 << 10) == 0 ? (bytes >> 10) + " KiB" : bytes + " B";
  }

  private static String micros(double seconds) {
    return String.format(Locale.ROOT, "%,.1f µs", seconds * 1e6);
  }
}
