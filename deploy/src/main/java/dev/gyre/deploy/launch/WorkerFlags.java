package dev.gyre.deploy.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * How a JVM that computes is started: what {@code jvm.args} says, and what a worker needs beyond.
 *
 * @param heapBytes the Java heap; tensors live outside it
 * @param kernelThreads OpenMP threads of native kernels
 */
public record WorkerFlags(long heapBytes, int kernelThreads) {
  /**
   * The heap holds messages, plans and bookkeeping: half a gigabyte is plenty. One kernel thread
   * per worker, as several processes' OpenMP regions on few cores starve each other.
   */
  public static final WorkerFlags DEFAULT = new WorkerFlags(512L << 20, 1);

  private static final long LEAST_HEAP = 64L << 20;

  public WorkerFlags {
    if (heapBytes < LEAST_HEAP) {
      throw new IllegalArgumentException(
          "heapBytes " + heapBytes + "; a worker needs at least " + LEAST_HEAP);
    }
    if (kernelThreads < 1) {
      throw new IllegalArgumentException("kernelThreads " + kernelThreads + "; at least 1");
    }
  }

  /** The same with so many kernel threads. */
  public WorkerFlags withKernelThreads(int threads) {
    return new WorkerFlags(heapBytes, threads);
  }

  /**
   * @param run name of the run it belongs to
   * @param crashes the folder for crash files
   */
  public List<String> jvm(ProcessRole role, String run, int rank, Path crashes) {
    List<String> options = new ArrayList<>(JvmArguments.of(role, run));
    options.addAll(ClassArchive.options(role, rank));
    options.add("-Xmx" + heapBytes);
    options.add(
        "-XX:ErrorFile=" + crashes.resolve("hs_err_rank-" + rank + "_pid%p.log").toAbsolutePath());
    // Kernels have their own, lower threshold: at a start they are compiled instead of what only
    // the start runs.
    options.add("-XX:CompileThresholdScaling=4");
    // Any thread that finds the heap full ends the worker, instead of leaving it without that
    // thread.
    options.add("-XX:+ExitOnOutOfMemoryError");
    return options;
  }

  /** Idle OpenMP threads must not spin: another worker's kernel wants the core. */
  public Map<String, String> environment() {
    return Map.of("OMP_NUM_THREADS", Integer.toString(kernelThreads), "OMP_WAIT_POLICY", "passive");
  }
}
