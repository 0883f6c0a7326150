package dev.gyre.kernels.scalar;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import java.util.Set;

/** Opens the scalar reference kernels: available everywhere and slow, for reference and tests. */
public final class ScalarBackendProvider implements BackendProvider {
  static final String NAME = "scalar";

  @Override
  public String name() {
    return NAME;
  }

  /** The lowest preference: never chosen while another backend is available. */
  @Override
  public int preference() {
    return Integer.MIN_VALUE;
  }

  @Override
  public BackendProbe probe() {
    return new BackendProbe.Available(
        Set.of(DType.F32, DType.BF16),
        Set.of(DType.F32),
        "CPU",
        "scalar",
        "Java " + Runtime.version());
  }

  /** Uses one thread, for any {@code threads}. */
  @Override
  public Backend open(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("threads must be at least 1, got " + threads);
    }
    return new ScalarBackend(ScalarKernels.create());
  }
}
