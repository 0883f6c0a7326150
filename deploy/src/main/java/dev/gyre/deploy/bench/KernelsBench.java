package dev.gyre.deploy.bench;

import dev.gyre.deploy.launch.ProcessRole;
import dev.gyre.deploy.launch.WorkerFlags;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.workload.ForkTimes;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Measures kernels on one core or a GPU, each in several JVMs of its own. Only the process that
 * hosts JMH has JMH on its class path.
 *
 * @param device where the backend computes
 * @param dtype {@code bf16} or {@code f32}
 * @param kernels names as in {@link dev.gyre.kernels.Kernels}; empty for all
 * @param forks JVMs per kernel
 * @param longRows whether to measure attention over 16,384 tokens as well
 */
public record KernelsBench(
    String backend,
    Device device,
    String dtype,
    List<String> kernels,
    int forks,
    boolean longRows) {
  /** Operands of the largest kernel take some hundred megabytes, outside of the heap. */
  private static final WorkerFlags FLAGS = WorkerFlags.DEFAULT;

  public KernelsBench {
    kernels = List.copyOf(kernels);
  }

  /**
   * Runs all measurements. The memory copy and the linears, which define the peaks, are always
   * measured, and first.
   *
   * @param classPath of the benchmarks
   * @param mainClass takes these arguments and prints a line of {@link ForkTimes} for each kernel
   * @param folder for logs
   * @param measured receives each kernel's times when it is done
   * @throws IOException if the benchmarks fail; names their log
   */
  public void run(String classPath, String mainClass, Path folder, Consumer<ForkTimes> measured)
      throws IOException, InterruptedException {
    Path log = folder.toAbsolutePath().resolve("jmh.log");
    List<String> flags = FLAGS.jvm(ProcessRole.WORKER, folder.getFileName().toString(), 0, folder);
    List<String> line = new ArrayList<>();
    line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    line.addAll(flags);
    line.addAll(List.of("-cp", classPath, mainClass));
    line.addAll(
        List.of(backend, device.toString(), dtype, Integer.toString(forks), log.toString()));
    line.add(longRows ? "long" : "standard");
    line.add(String.join(",", kernels));
    line.addAll(flags);
    ProcessBuilder builder =
        new ProcessBuilder(line).redirectError(folder.resolve("bench.log").toFile());
    builder.environment().putAll(FLAGS.environment());
    Process process = builder.start();
    Thread end = Thread.ofPlatform().unstarted(() -> endAll(process));
    Runtime.getRuntime().addShutdownHook(end);
    try (BufferedReader out = process.inputReader()) {
      for (String text = out.readLine(); text != null; text = out.readLine()) {
        measured.accept(ForkTimes.parse(text));
      }
      int exit = process.waitFor();
      if (exit != 0) {
        throw new IOException(
            "the benchmarks ended with exit code %d; their logs: %s, %s"
                .formatted(exit, log, folder.resolve("bench.log")));
      }
    } finally {
      endAll(process);
      Runtime.getRuntime().removeShutdownHook(end);
    }
  }

  /** JMH's forks are its children. */
  private static void endAll(Process process) {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }
}
