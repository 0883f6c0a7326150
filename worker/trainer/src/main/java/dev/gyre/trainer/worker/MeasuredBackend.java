package dev.gyre.trainer.worker;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.trainer.calibration.Calibration;
import dev.gyre.trainer.calibration.KernelRates;
import dev.gyre.trainer.calibration.Machine;
import dev.gyre.trainer.calibration.RateCache;
import dev.gyre.trainer.calibration.SlowKernel;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The backend a worker expects to compute with, opened and measured before the plan is made. The
 * plan decides; where it decides the same, this one is used on.
 */
final class MeasuredBackend implements AutoCloseable {
  private static final String AUTO = "auto";

  private final Device device;
  private final RateCache cache;
  private final Consumer<String> log;
  private @Nullable Backend backend;
  private @Nullable Machine machine;
  private Calibration.Result measured = Calibration.Result.NONE;

  private MeasuredBackend(Device device, RateCache cache, Consumer<String> log) {
    this.device = device;
    this.cache = cache;
    this.log = log;
  }

  /**
   * Opens and measures what the job is likely to be planned with; nothing if nothing fits: the
   * planner, who knows all workers, says why.
   *
   * @param wanted name or {@code auto}
   * @param device where it computes
   * @param dtype {@code bf16}, {@code f32} or {@code auto}
   * @param threads of its kernels
   * @param cache rates of earlier runs
   * @param log takes single lines for people
   */
  static MeasuredBackend open(
      String wanted,
      Device device,
      String dtype,
      int threads,
      RateCache cache,
      Consumer<String> log) {
    MeasuredBackend opened = new MeasuredBackend(device, cache, log);
    for (BackendProvider provider : Backends.all()) {
      if (wanted.equals(AUTO) || wanted.equals(provider.name())) {
        if (provider.probe(device) instanceof BackendProbe.Available a) {
          DType compute =
              dtype.equals(AUTO)
                  ? a.nativeDtypes().contains(DType.BF16) ? DType.BF16 : DType.F32
                  : Dtypes.of(dtype);
          if (a.dtypes().contains(compute)) {
            opened.measure(provider.open(threads, device), a, compute, threads);
            return opened;
          }
        }
      }
    }
    return opened;
  }

  private void measure(Backend opened, BackendProbe.Available probe, DType compute, int threads) {
    backend = opened;
    Machine here =
        Machine.here(BuildVersion.text(), opened.name(), probe, Dtypes.name(compute), threads);
    machine = here;
    measured = Calibration.measure(opened, compute, here, cache);
    measured.lines(here).forEach(log);
  }

  KernelRates rates() {
    return measured.rates();
  }

  /** Kernels that this process runs far slower than it should. */
  List<SlowKernel> slow() {
    return measured.slow();
  }

  /**
   * The backend of the plan, measured again where it is another; stays this object's to close.
   *
   * @throws SlowKernelException if it has a kernel that is far slower than it should be
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
    Backend other = Backends.open(name, threads, device);
    measure(other, Backends.available(name, device), compute, threads);
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
