package dev.gyre.trainer.calibration;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.workload.KernelWorkload;
import dev.gyre.kernels.workload.Operands;
import dev.gyre.kernels.workload.Sizes;
import dev.gyre.kernels.workload.Workload;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Runs every kernel of a backend for a few milliseconds in turn, until the JIT compiler is done
 * with all of them, and measures their rates. In turn, because the compiler works in the
 * background: while it compiles one kernel, the others run.
 */
public final class Calibration {
  /** Much longer than the clock's resolution, and well under a second over all kernels. */
  private static final long SLICE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  /** A kernel that got no faster for this long has reached its rate, for now. */
  private static final long SETTLED_NANOS = 4 * SLICE_NANOS;

  /** The same for kernels whose rates plans and MFU use. */
  private static final long SURE_NANOS = 10 * SETTLED_NANOS;

  /** At this share of its stored rate a kernel counts as compiled. */
  private static final double AS_BEFORE = 0.5;

  /**
   * @param rates measured rate of each kernel in this process
   * @param slow kernels far below their expected rate; empty if there are none
   * @param nanos how long it took; 0 if nothing was measured
   */
  public record Result(KernelRates rates, List<SlowKernel> slow, long nanos) {
    /** An empty result. */
    public static final Result NONE = stored(KernelRates.NONE);

    public Result {
      slow = List.copyOf(slow);
    }

    /** Rates of an earlier run; nothing was measured. */
    public static Result stored(KernelRates rates) {
      return new Result(rates, List.of(), 0);
    }

    /** Whether the rates were measured in this process. */
    public boolean measuredHere() {
      return nanos > 0;
    }

    /** Lines for a log: the machine and every kernel's rate. */
    public List<String> lines(Machine machine) {
      return CalibrationText.lines(machine, this);
    }
  }

  /**
   * Time limits before a low rate is accepted as final. In CPU time, not wall time: on a busy
   * machine the compiler gets as little time as the kernels do.
   *
   * @param belowExpected for a kernel below its expected rate that is not slow: CPU nanoseconds of
   *     the process, including its compiler
   * @param cliff for a kernel that looks slow: CPU nanoseconds of the kernel itself without getting
   *     faster
   * @param deadline wall time, whatever CPU time was used: on a machine that is too busy to
   *     measure, no kernel is called slow
   */
  record Limits(long belowExpected, long cliff, long deadline) {
    /**
     * Compiling all kernels takes four to six seconds on a core of 2.6 GHz, the largest under one.
     * The compiler has another core, or an equal share of the same.
     */
    static final Limits DEFAULT =
        new Limits(
            TimeUnit.SECONDS.toNanos(8), TimeUnit.SECONDS.toNanos(1), TimeUnit.SECONDS.toNanos(90));
  }

  /** Measurements of one kernel. */
  private static final class Trial {
    final KernelWorkload kernel;
    final Workload work;
    double best;
    long steadyNanos;
    boolean done;

    Trial(KernelWorkload kernel, Workload work) {
      this.kernel = kernel;
      this.work = work;
    }

    long rate() {
      return (long) best;
    }
  }

  private final Backend backend;
  private final CalibrationClock clock;
  private final Expectations expectations;
  private final LongSupplier copy;
  private final long copyBytesPerSecond;
  private final Limits limits;
  private final List<Trial> trials = new ArrayList<>();

  private Calibration(
      Backend backend,
      KernelRates known,
      Limits limits,
      LongSupplier copy,
      CalibrationClock clock) {
    this.limits = limits;
    this.backend = backend;
    this.clock = clock;
    this.expectations = new Expectations(known, backend);
    this.copy = copy;
    this.copyBytesPerSecond = copy.getAsLong();
  }

  /**
   * Measures all kernels, using stored rates of earlier runs on this machine, and stores better
   * ones. A process with a slow kernel stores nothing. Takes some seconds; less if stored rates are
   * reached again.
   *
   * @param machine key of the stored rates, including threads and compute dtype
   * @return for each kernel the best of this run and earlier ones
   */
  public static Result measure(Backend backend, DType compute, Machine machine, RateCache cache) {
    boolean onThisThread = machine.threads() == 1 && backend.device().isCpu();
    try (Arena arena = Arena.ofConfined()) {
      PlainCopy copy = new PlainCopy(arena);
      return measure(
          backend,
          compute,
          machine,
          cache,
          Limits.DEFAULT,
          copy::bytesPerSecond,
          CalibrationClock.ofThisProcess(onThisThread));
    }
  }

  /**
   * @param copy measures a plain copy, bytes a second, each counted once
   * @param clock of this process, or a test's
   */
  static Result measure(
      Backend backend,
      DType compute,
      Machine machine,
      RateCache cache,
      Limits limits,
      LongSupplier copy,
      CalibrationClock clock) {
    KernelRates known = cache.find(machine);
    Result measured = measure(backend, compute, known, limits, copy, clock);
    return measured.slow.isEmpty()
        ? new Result(cache.add(machine, measured.rates), List.of(), measured.nanos)
        : measured;
  }

  private static Result measure(
      Backend backend,
      DType compute,
      KernelRates known,
      Limits limits,
      LongSupplier copy,
      CalibrationClock clock) {
    try (Arena arena = Arena.ofConfined()) {
      long began = clock.wallNanos();
      Calibration calibration = new Calibration(backend, known, limits, copy, clock);
      Operands operands = Operands.in(arena, backend, compute);
      for (KernelWorkload kernel : KernelWorkload.values()) {
        calibration.trials.add(new Trial(kernel, kernel.open(operands, Sizes.START_UP)));
      }
      calibration.run();
      List<SlowKernel> slow = calibration.slow();
      return new Result(calibration.rates(), slow, clock.wallNanos() - began);
    }
  }

  private void run() {
    long began = clock.wallNanos();
    long spentBefore = clock.processCpuNanos();
    boolean left = true;
    while (left) {
      left = false;
      boolean better = false;
      long round = clock.wallNanos();
      for (Trial trial : trials) {
        if (!trial.done) {
          slice(trial);
          better |= trial.steadyNanos == 0;
          trial.done =
              enough(trial, clock.processCpuNanos() - spentBefore)
                  || clock.wallNanos() - began >= limits.deadline();
          left |= !trial.done;
        }
      }
      if (left && !better) {
        // The compiler is busy, perhaps on this core.
        clock.pause(clock.wallNanos() - round);
      }
    }
  }

  private void slice(Trial trial) {
    long began = clock.kernelNanos();
    long nanos = 0;
    int calls = 0;
    while (nanos < SLICE_NANOS) {
      trial.work.call().run();
      backend.synchronize();
      calls++;
      // Never 0, even if the clock is too coarse to time a call.
      nanos = Math.max(1, clock.kernelNanos() - began);
    }
    double perSecond = trial.work.amount() * calls / nanos * 1e9;
    // Two percent are noise.
    trial.steadyNanos = perSecond > 1.02 * trial.best ? 0 : trial.steadyNanos + nanos;
    trial.best = Math.max(trial.best, perSecond);
  }

  private boolean enough(Trial trial, long spent) {
    double expected = expectations.usually(trial.kernel, trial.work, peak(), copyBytesPerSecond);
    boolean counts =
        trial.kernel == KernelWorkload.LINEAR || trial.kernel == KernelWorkload.ATTENTION;
    if (expectations.remembered(trial.kernel)) {
      // A processor may be slower now than when it was measured, as in a virtual machine.
      boolean slower =
          trial.steadyNanos >= SURE_NANOS && !Expectations.suspicious(trial.best, expected);
      if (trial.best >= AS_BEFORE * expected
          || slower
          || (settledBelow(trial) && asMemoryAllows(trial))) {
        return true;
      }
    } else if (trial.steadyNanos >= (counts ? SURE_NANOS : SETTLED_NANOS)
        && (expected > 0 ? trial.best >= expected : expectations.none(trial.kernel))) {
      return true;
    }
    return Expectations.suspicious(trial.best, expected)
        ? trial.steadyNanos >= limits.cliff()
        : spent >= limits.belowExpected();
  }

  /**
   * A copy takes longer than a slice, so it is only timed for kernels whose low rate it may
   * explain.
   */
  private static boolean settledBelow(Trial trial) {
    return !trial.work.arithmetic() && trial.steadyNanos >= SETTLED_NANOS;
  }

  private boolean asMemoryAllows(Trial trial) {
    return trial.best >= AS_BEFORE * now(trial);
  }

  private double now(Trial trial) {
    return expectations.now(trial.kernel, trial.work, peak(), copy.getAsLong());
  }

  private long peak() {
    long peak = 0;
    for (Trial each : trials) {
      peak = Math.max(peak, each.kernel.product() ? each.rate() : 0);
    }
    return peak;
  }

  private KernelRates rates() {
    TreeMap<String, Long> perSecond = new TreeMap<>();
    for (Trial trial : trials) {
      perSecond.put(trial.kernel.kernel(), trial.rate());
    }
    return new KernelRates(perSecond, copyBytesPerSecond);
  }

  /**
   * Suspicious kernels are measured once more, right beside a plain copy, because memory may have
   * been busy at the first measurement.
   */
  private List<SlowKernel> slow() {
    List<SlowKernel> slow = new ArrayList<>();
    for (Trial trial : trials) {
      if (trial.steadyNanos < limits.cliff()
          || !Expectations.suspicious(
              trial.best,
              expectations.usually(trial.kernel, trial.work, peak(), copyBytesPerSecond))) {
        continue;
      }
      slice(trial);
      double expected = now(trial);
      if (Expectations.suspicious(trial.best, expected)) {
        slow.add(
            new SlowKernel(
                trial.kernel.kernel(), trial.rate(), (long) expected, trial.work.arithmetic()));
      }
    }
    return slow;
  }
}
