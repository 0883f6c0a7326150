package dev.gyre.trainer.worker;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.partitioning.plan.Rates;
import org.jspecify.annotations.Nullable;

/**
 * The backend a worker expects to compute with, opened and measured before the plan is made. The
 * plan decides; where it decides the same, this one is used on.
 */
final class MeasuredBackend implements AutoCloseable {
  private static final String AUTO = "auto";

  private @Nullable Backend backend;
  private int threads;
  private Rates rates;

  private MeasuredBackend(@Nullable Backend backend, int threads, Rates rates) {
    this.backend = backend;
    this.threads = threads;
    this.rates = rates;
  }

  /**
   * @param wanted name or {@code auto}
   * @param dtype {@code bf16}, {@code f32} or {@code auto}
   */
  static MeasuredBackend open(String wanted, String dtype) {
    for (BackendProvider provider : Backends.all()) {
      if (wanted.equals(AUTO) || wanted.equals(provider.name())) {
        if (provider.probe() instanceof BackendProbe.Available a) {
          DType compute =
              dtype.equals(AUTO)
                  ? a.nativeDtypes().contains(DType.BF16) ? DType.BF16 : DType.F32
                  : Dtypes.of(dtype);
          if (a.dtypes().contains(compute)) {
            Backend backend = provider.open(1);
            return new MeasuredBackend(backend, 1, Calibration.measure(backend, compute));
          }
        }
      }
    }
    // Nothing fits: the planner, who knows all workers, says why.
    return new MeasuredBackend(null, 0, Rates.UNKNOWN);
  }

  Rates rates() {
    return rates;
  }

  /** The backend of the plan, measured again where it is another; stays this object's to close. */
  Backend reopen(String name, int kernelThreads, DType compute) {
    Backend there = backend;
    if (there != null && there.name().equals(name) && threads == kernelThreads) {
      return there;
    }
    close();
    Backend other = Backends.open(name, kernelThreads);
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
