package dev.gyre.trainer.worker;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.plan.BackendChoice;
import dev.gyre.trainer.calibration.Calibration;
import dev.gyre.trainer.calibration.KernelRates;
import dev.gyre.trainer.calibration.Machine;
import dev.gyre.trainer.calibration.RateCache;
import dev.gyre.trainer.calibration.SlowKernel;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The backend that a worker expects to compute with, opened before the plan is made, and its rates:
 * stored by an earlier run on this machine, or else measured. If the plan takes the same backend,
 * this one is used for training.
 */
final class MeasuredBackend implements AutoCloseable {
  private final Device device;
  private final RateCache cache;
  private final boolean afresh;
  private final Consumer<String> log;
  private @Nullable Backend backend;
  private @Nullable Machine machine;
  private Calibration.Result measured = Calibration.Result.NONE;

  private MeasuredBackend(Device device, RateCache cache, boolean afresh, Consumer<String> log) {
    this.device = device;
    this.cache = cache;
    this.afresh = afresh;
    this.log = log;
  }

  /**
   * Opens what {@link BackendChoice} decides from this worker alone. The planner decides by the
   * same function from what all workers have in common, so this is nearly always the plan's
   * backend. Opens nothing if nothing fits: the planner's refusal then says why.
   *
   * @param wanted name or {@code auto}
   * @param device where it computes
   * @param dtype {@code bf16}, {@code f32} or {@code auto}
   * @param threads of its kernels
   * @param cache rates of earlier runs
   * @param afresh whether to measure even if rates are stored
   * @param log receives single lines for the user
   */
  static MeasuredBackend open(
      String wanted,
      Device device,
      String dtype,
      int threads,
      RateCache cache,
      boolean afresh,
      Consumer<String> log) {
    MeasuredBackend opened = new MeasuredBackend(device, cache, afresh, log);
    BackendChoice choice;
    try {
      choice = BackendChoice.choose(wanted, dtype, Backends.offers(wanted, device));
    } catch (Invalid refused) {
      return opened;
    }
    opened.measure(choice.name(), threads, Dtypes.of(choice.dtype()));
    return opened;
  }

  private Backend measure(String name, int threads, DType compute) {
    Backend opened = Backends.open(name, threads, device);
    backend = opened;
    Machine here =
        Machine.here(
            BuildVersion.text(),
            name,
            Backends.available(name, device),
            Dtypes.name(compute),
            threads);
    machine = here;
    KernelRates known = cache.find(here);
    measured =
        known.rates().known() && !afresh
            ? Calibration.Result.stored(known)
            : Calibration.measure(opened, compute, here, cache);
    measured.lines(here).forEach(log);
    return opened;
  }

  /** Whether the kernels were measured in this process: otherwise the rates are of earlier runs. */
  boolean measuredHere() {
    return measured.measuredHere();
  }

  /**
   * Measures all kernels of an open backend in this process. Takes some seconds.
   *
   * @return kernels that are far below their expected rate
   */
  List<SlowKernel> measureNow() {
    Backend open = Objects.requireNonNull(backend);
    Machine here = Objects.requireNonNull(machine);
    return Calibration.measure(open, Dtypes.of(here.dtype()), here, cache).slow();
  }

  KernelRates rates() {
    return measured.rates();
  }

  /** Kernels that are far below their expected rate in this process. */
  List<SlowKernel> slow() {
    return measured.slow();
  }

  /**
   * The backend of the plan, measured again if it is another one; this object closes it.
   *
   * @throws SlowKernelException if it has a kernel far below its expected rate
   */
  Backend reopen(String name, int threads, DType compute) {
    Backend there = backend;
    Machine here = machine;
    if (there != null
        && here != null
        && there.name().equals(name)
        && here.threads() == threads
        && here.dtype().equals(Dtypes.name(compute))) {
      return there;
    }
    close();
    Backend other = measure(name, threads, compute);
    SlowKernelException.throwIfAny(slow());
    return other;
  }

  @Override
  public void close() {
    if (backend != null) {
      backend.close();
      backend = null;
    }
  }
}
