package dev.gyre.kernels.bench;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.workload.ForkTimes;
import dev.gyre.kernels.workload.KernelWorkload;
import dev.gyre.kernels.workload.Workload;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * The process that hosts JMH. It measures one kernel after another, each in its own JVM forks, and
 * prints a line of {@link ForkTimes} after each.
 *
 * <p>Arguments: {@code backend device dtype forks log long|standard kernel,… jvmFlag…}. Memory and
 * the plain linears, the reference for all others, are always measured, and first.
 */
public final class KernelBenchMain {
  /** Short iterations, so that some run without disturbance by other processes. */
  private static final int ITERATIONS = 10;

  private static final TimeValue ITERATION = TimeValue.milliseconds(50);

  private final String backend;
  private final Device device;
  private final DType dtype;
  private final int forks;
  private final String log;
  private final List<String> jvmFlags;

  private KernelBenchMain(
      String backend, Device device, DType dtype, int forks, String log, List<String> jvmFlags) {
    this.backend = backend;
    this.device = device;
    this.dtype = dtype;
    this.forks = forks;
    this.log = log;
    this.jvmFlags = jvmFlags;
  }

  public static void main(String[] args) throws RunnerException {
    List<String> wanted = args[6].isEmpty() ? List.of() : List.of(args[6].split(",", -1));
    KernelBenchMain bench =
        new KernelBenchMain(
            args[0],
            Device.parse(args[1]),
            DType.valueOf(args[2].toUpperCase(Locale.ROOT)),
            Integer.parseInt(args[3]),
            args[4],
            List.of(args).subList(7, args.length));
    bench.run(args[5].equals("long"), wanted);
  }

  private void run(boolean longRows, List<String> wanted) throws RunnerException {
    print(memory());
    for (KernelWorkload kernel : KernelWorkload.values()) {
      boolean reference = kernel == KernelWorkload.LINEAR;
      if (reference || wanted.isEmpty() || wanted.contains(kernel.kernel())) {
        for (Variant variant : Variant.values()) {
          if (variant.concerns(kernel) && (longRows || variant != Variant.LONG)) {
            print(measure(kernel.kernel(), kernel, variant));
          }
        }
      }
    }
  }

  private static void print(ForkTimes times) {
    System.out.println(times.line());
  }

  /** Measures memory bandwidth: of the host, or of a GPU by the backend's copy kernel. */
  private ForkTimes memory() throws RunnerException {
    if (!device.isCpu()) {
      return measure(ForkTimes.MEMORY, KernelWorkload.COPY, Variant.STANDARD);
    }
    String shape = "copy of " + (MemoryBenchmark.BYTES >> 20) + " MiB";
    Workload copy = new Workload(shape, 0, 2.0 * MemoryBenchmark.BYTES, () -> {});
    return measured(ForkTimes.MEMORY, copy, options(MemoryBenchmark.class));
  }

  private ForkTimes measure(String name, KernelWorkload kernel, Variant variant)
      throws RunnerException {
    return measured(
        name,
        kernel.describe(dtype, variant.sizes()),
        options(KernelBenchmark.class)
            .param("kernel", kernel.name())
            .param("variant", variant.name())
            .param("backend", backend)
            .param("device", device.toString())
            .param("dtype", dtype.name()));
  }

  private ChainedOptionsBuilder options(Class<?> benchmark) {
    return new OptionsBuilder()
        .include("^" + benchmark.getName() + "\\.")
        .forks(forks)
        .warmupIterations(1)
        .warmupTime(ITERATION)
        .measurementIterations(ITERATIONS)
        .measurementTime(ITERATION)
        .jvmArgs(jvmFlags.toArray(String[]::new))
        .verbosity(VerboseMode.NORMAL)
        .shouldFailOnError(true)
        .output(log);
  }

  private static ForkTimes measured(String kernel, Workload work, ChainedOptionsBuilder options)
      throws RunnerException {
    List<Double> medians = new ArrayList<>();
    List<Double> bests = new ArrayList<>();
    for (RunResult result : new Runner(options.build()).run()) {
      for (BenchmarkResult fork : result.getBenchmarkResults()) {
        double[] iterations =
            fork.getIterationResults().stream()
                .mapToDouble(iteration -> iteration.getPrimaryResult().getScore())
                .sorted()
                .toArray();
        medians.add(iterations[iterations.length / 2]);
        bests.add(iterations[0]);
      }
    }
    return new ForkTimes(kernel, work.shape(), work.flops(), work.bytes(), medians, bests);
  }
}
