package dev.gyre.kernels.scalar;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.Kernels;

/** The scalar reference kernels as a backend: host memory, one thread, synchronous. */
record ScalarBackend(Kernels kernels) implements Backend {
  @Override
  public String name() {
    return ScalarBackendProvider.NAME;
  }
}
