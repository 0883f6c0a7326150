package dev.gyre.trainer.device;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.conformance.DeferredBackend;
import java.util.Set;

/** Adds the deferred backend to those on the tests' class path; it is chosen only by name. */
public final class DeferredBackendProvider implements BackendProvider {
  @Override
  public String name() {
    return DeferredBackend.NAME;
  }

  @Override
  public int preference() {
    return Integer.MIN_VALUE;
  }

  @Override
  public BackendProbe probe() {
    return new BackendProbe.Available(
        Set.of(DType.F32, DType.BF16), Set.of(DType.F32), "none", "scalar", "a test's");
  }

  @Override
  public Backend open(int threads) {
    return new DeferredBackend();
  }
}
