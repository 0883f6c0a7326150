package dev.gyre.deploy.command.bench;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.bench.KernelResult;
import dev.gyre.deploy.bench.KernelResults;
import dev.gyre.deploy.bench.KernelsBench;
import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.console.KernelTable;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.deploy.launch.Distribution;
import dev.gyre.deploy.launch.StartAgainException;
import dev.gyre.deploy.options.BackendOption;
import dev.gyre.deploy.options.CommandFailure;
import dev.gyre.deploy.options.DeviceOption;
import dev.gyre.deploy.options.DtypeOption;
import dev.gyre.deploy.options.LocalBackend;
import dev.gyre.deploy.options.Version;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.workload.KernelWorkload;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.plan.BackendChoice;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.worker.Backends;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "kernels",
    mixinStandardHelpOptions = true,
    header = "Measure every kernel of a backend on one core, each in several JVMs.",
    description = {
      "Rates are medians, compared with the fastest linear layer and the fastest memory copy of this run"
          + " on this device. If a kernel takes more than twice as long in one JVM as in another, the JIT"
          + " compiled it badly there: the JVM is named, and the exit code is 1."
    },
    footer = {
      "",
      "FLOPs: 2·T·I·O of a linear layer; 2·N²·d of causal attention forward,",
      "2.5 times that backward. Bytes: every operand read or written once.",
      "",
      "Try    ./gyre bench kernels --kernel attention --dtype f32"
    })
final class BenchKernelsCommand implements Callable<ExitCode> {
  private static final String MAIN_CLASS = "dev.gyre.kernels.bench.KernelBenchMain";

  @Mixin private BackendOption backend = new BackendOption();

  @Mixin private DeviceOption where = new DeviceOption();

  @Option(
      names = "--dtype",
      paramLabel = "T",
      converter = DtypeOption.class,
      description =
          "Compute dtype: bf16 or f32. Default: bf16 if the backend has it natively, else f32.")
  private @Nullable DType dtype;

  @Option(
      names = "--kernel",
      paramLabel = "NAME",
      split = ",",
      description = "Measure only these kernels, by their names in the Kernels interface.")
  private List<String> kernels = List.of();

  @Option(
      names = "--forks",
      paramLabel = "N",
      defaultValue = "3",
      description = "JVMs per kernel. Default: ${DEFAULT-VALUE}.")
  private int forks;

  @Option(names = "--long", description = "Also measure attention over 16,384 tokens.")
  private boolean longRows;

  @Option(names = "--json", description = "Print one JSON object per line.")
  private boolean json;

  @Option(names = "--runs", hidden = true, defaultValue = "runs")
  private Path runs = Path.of("runs");

  /** The benchmark that the options describe, on the backend chosen for this machine. */
  KernelsBench bench() {
    NumberRange.whole(1, 100).require("--forks", forks);
    List<String> known =
        Arrays.stream(KernelWorkload.values()).map(KernelWorkload::kernel).toList();
    for (String kernel : kernels) {
      CommandFailure.require(
          known.contains(kernel),
          "--kernel %s: there are %s".formatted(kernel, String.join(", ", known)));
    }
    BackendChoice choice = LocalBackend.choose(backend.name(), where.device(), dtype);
    return new KernelsBench(
        choice.name(), where.device(), choice.dtype(), kernels, forks, longRows);
  }

  @Override
  public ExitCode call() throws IOException, InterruptedException {
    KernelsBench bench = bench();
    StartAgainException.requireBenchmarks();
    String classPath = classPath();
    String instructionSet = Backends.available(bench.backend(), bench.device()).instructionSet();
    Console console = new Console(System.out, false);
    if (!json) {
      console.line(
          "%s  %s  %s\nbackend %s  %s  %s, %d forks\n"
              .formatted(
                  Version.line(),
                  Cpu.model(),
                  instructionSet,
                  bench.backend(),
                  bench.dtype(),
                  bench.device().isCpu() ? "one core" : bench.device(),
                  bench.forks()));
      console.line(KernelTable.heading());
    }
    List<KernelResult> results = new ArrayList<>();
    KernelResults rows =
        new KernelResults(
            bench,
            instructionSet,
            Cpu.model(),
            result -> {
              results.add(result);
              console.line(json ? SpecJson.line(result) : KernelTable.row(result));
            });
    RunFolder folder = RunFolder.create(runs, "bench-kernels");
    bench.run(classPath, MAIN_CLASS, folder.path(), rows::add);
    rows.finish();
    folder.delete();
    return verdict(results);
  }

  /** Reports every slow fork, and returns the exit code. */
  static ExitCode verdict(List<KernelResult> results) {
    boolean slow = false;
    for (KernelResult r : results) {
      for (int fork : r.slowForks()) {
        slow = true;
        System.err.println(
            String.format(
                Locale.ROOT,
                "gyre: %s (%s): fork %d took %.3g ms a call at best, another fork %.3g ms. Repeat with --kernel %s",
                r.kernel(),
                r.shape(),
                fork,
                r.forkBests().get(fork - 1) * 1e3,
                Collections.min(r.forkBests()) * 1e3,
                r.kernel()));
      }
    }
    return slow ? ExitCode.DIFFERENT : ExitCode.DONE;
  }

  /** The class path of the benchmarks, which this process never loads, followed by its own. */
  private static String classPath() {
    Distribution here =
        Distribution.current()
            .orElseThrow(
                () ->
                    new CommandFailure(
                        ExitCode.BAD_JOB,
                        "bench kernels needs the ./gyre script, which builds the benchmarks"));
    return here.classPath(StartAgainException.BENCH)
        + File.pathSeparator
        + System.getProperty("java.class.path");
  }
}
