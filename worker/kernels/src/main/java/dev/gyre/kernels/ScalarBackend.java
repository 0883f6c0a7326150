package dev.gyre.kernels;

/** The scalar twin as a backend: host memory, one thread, nothing to wait for. */
record ScalarBackend(Kernels kernels) implements Backend {
  @Override
  public String name() {
    return ScalarBackendProvider.NAME;
  }
}
