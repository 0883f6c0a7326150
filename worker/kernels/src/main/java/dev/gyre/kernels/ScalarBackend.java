package dev.gyre.kernels;

import java.lang.foreign.MemorySegment;

/** The scalar twin as a backend: host memory, one thread, nothing to wait for. */
record ScalarBackend(Kernels kernels) implements Backend {
  @Override
  public String name() {
    return ScalarBackendProvider.NAME;
  }

  @Override
  public boolean hostMemory() {
    return true;
  }

  @Override
  public long memory(MemorySegment host) {
    return host.address();
  }

  @Override
  public void synchronize() {}

  @Override
  public void close() {}
}
