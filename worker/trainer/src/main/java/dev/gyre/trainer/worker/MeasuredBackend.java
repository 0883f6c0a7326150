package dev.gyre.trainer.worker;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.partitioning.plan.Rates;
import org.jspecify.annotations.Nullable;

/**
 * The backend a worker expects to compute with, opened and measured before the plan is made. The
 * plan decides; where it decides the same, this one is used on.
 */
final class MeasuredBackend implements AutoCloseable {
  private static final String AUTO = "auto";

  private @Nullable Backend backend;
  private final Device device;
  private int threads;
  private Rates rates;

  private MeasuredBackend(@Nullable Backend backend, Device device, int threads, Rates rates) {
    this.backend = backend;
    this.device = device;
    this.threads = threads;
    this.rates = rates;
  }

  /**
   * @param wanted name or {@code auto}
   * @param dtype {@code bf16}, {@code f32} or {@code auto}
   */
  static MeasuredBackend open(String wanted, Device device, String dtype) {
    for (BackendProvider provider : Backends.all()) {
      if (wanted.equals(AUTO) || wanted.equals(provider.name())) {
        if (provider.probe(device) instanceof BackendProbe.Available a) {
          DType compute =
              dtype.equals(AUTO)
                  ? a.nativeDtypes().contains(DType.BF16) ? DType.BF16 : DType.F32
                  : Dtypes.of(dtype);
          if (a.dtypes().contains(compute)) {
            Backend backend = provider.open(1, device);
            return new MeasuredBackend(backend, device, 1, Calibration.measure(backend, compute));
          }
        }
      }
    }
    // Nothing fits: the planner, who knows all workers, says why.
    return new MeasuredBackend(null, device, 0, Rates.UNKNOWN);
  }

  Rates rates() {
    return rates;
  }

  /**
   * The backend of the plan, on the device asked for, measured again where it is another; stays
   * this object's to close.
   */
  Backend reopen(String name, int kernelThreads, DType compute) {
    Backend there = backend;
    if (there != null && there.name().equals(name) && threads == kernelThreads) {
      return there;
    }
    close();
    Backend other = Backends.open(name, kernelThreads, device);
    backend = other;
    threads = kernelThreads;
    rates = Calibration.measure(other, compute);
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
