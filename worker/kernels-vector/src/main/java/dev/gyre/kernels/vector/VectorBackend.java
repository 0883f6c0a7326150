package dev.gyre.kernels.vector;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.Kernels;
import java.lang.foreign.MemorySegment;

/** Host memory, the calling thread, and scratch that lives as long as the backend. */
final class VectorBackend implements Backend {
  private final Scratch scratch = new Scratch();
  private final Kernels kernels = new VectorKernels(scratch);

  /** For example {@code amd64 512-bit vectors}: what the JVM's preferred vectors are. */
  static String instructionSet() {
    return System.getProperty("os.arch") + " " + Simd.F.vectorBitSize() + "-bit vectors";
  }

  @Override
  public String name() {
    return VectorBackendProvider.NAME;
  }

  @Override
  public Kernels kernels() {
    return kernels;
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
  public void close() {
    scratch.close();
  }
}
