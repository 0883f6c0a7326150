package dev.gyre.kernels.onednn;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.onednn.binding.Gemm;
import dev.gyre.kernels.onednn.binding.OneDnn;
import dev.gyre.kernels.onednn.binding.Scratch;
import java.lang.foreign.MemorySegment;

/** oneDNN on host memory; calls return when their work is done. */
final class OneDnnBackend implements Backend {
  private final OneDnn oneDnn;
  private final Backend rest;
  private final Gemm gemm;
  private final Scratch scratch = new Scratch();
  private final OneDnnKernels kernels;
  private boolean closed;

  /**
   * @param oneDnn closed with this
   * @param packs whether BF16 weights are packed for products of many rows
   * @param rest computes all that is not a product of matrices, on host memory; closed with this
   */
  OneDnnBackend(OneDnn oneDnn, boolean packs, Backend rest) {
    this.oneDnn = oneDnn;
    this.rest = rest;
    this.gemm = new Gemm(oneDnn);
    this.kernels = new OneDnnKernels(gemm, scratch, packs, rest.kernels());
  }

  @Override
  public String name() {
    return OneDnnBackendProvider.NAME;
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
    if (!closed) {
      closed = true;
      gemm.close();
      scratch.close();
      oneDnn.close();
      rest.close();
    }
  }
}
