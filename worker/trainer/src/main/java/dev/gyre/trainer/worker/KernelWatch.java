package dev.gyre.trainer.worker;

import dev.gyre.comms.Progress;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.trainer.calibration.SlowKernel;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Detects a kernel that the JIT compiler compiled badly in a process that started with stored
 * rates: its steps compute for far longer than planned. Only then are the kernels measured, as that
 * takes seconds. A slow kernel that hardly slows a step down is not detected.
 */
final class KernelWatch {
  /** Steps in which kernels are still being compiled. */
  static final int COMPILING_STEPS = 5;

  /** The fastest of so many further steps counts. */
  static final int MEASURED_STEPS = 5;

  /** Half of it is the difference between a plan and a machine in its slowest phase. */
  private static final double FAR = 3;

  /** Shorter steps consist of much that no plan counts. */
  private static final double SHORT_SECONDS = 0.5;

  private final double plannedSeconds;
  private final Supplier<List<SlowKernel>> measure;
  private final Consumer<String> log;
  private int steps;
  private double fastest = Double.POSITIVE_INFINITY;

  /**
   * @param plannedSeconds of a step; 0 if there is nothing to watch
   * @param measure measures all kernels, returns those far below their expected rate
   * @param log receives a line if steps are slow and no kernel is
   */
  KernelWatch(double plannedSeconds, Supplier<List<SlowKernel>> measure, Consumer<String> log) {
    this.plannedSeconds = plannedSeconds;
    this.measure = measure;
    this.log = log;
  }

  /** Watches a backend with a predicted step, unless this process has measured it. */
  static KernelWatch of(
      MeasuredBackend backend, Plan plan, Progress progress, Consumer<String> log) {
    long planned = backend.measuredHere() ? 0 : plan.stepMicros();
    return new KernelWatch(
        (double) planned / TimeUnit.SECONDS.toMicros(1),
        () -> {
          progress.phase("measuring kernels");
          return backend.measureNow();
        },
        log);
  }

  /**
   * A step has ended.
   *
   * @param computeSeconds the step without communication and waits
   * @throws SlowKernelException if steps are slow because a kernel is
   */
  void stepped(double computeSeconds) {
    steps++;
    if (plannedSeconds == 0
        || steps <= COMPILING_STEPS
        || steps > COMPILING_STEPS + MEASURED_STEPS) {
      return;
    }
    fastest = Math.min(fastest, computeSeconds);
    if (steps == COMPILING_STEPS + MEASURED_STEPS
        && fastest > Math.max(SHORT_SECONDS, FAR * plannedSeconds)) {
      SlowKernelException.throwIfAny(measure.get());
      log.accept(
          String.format(
              Locale.ROOT,
              "a step computes for %.1f s, planned %.1f s, though no kernel is slow: other"
                  + " programs may use this machine",
              fastest,
              plannedSeconds));
    }
  }
}
