package dev.gyre.kernels.onednn;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.onednn.binding.Gemm;
import dev.gyre.kernels.onednn.binding.OneDnn;
import dev.gyre.kernels.vector.FlashAttention;
import dev.gyre.kernels.vector.KernelThreads;
import dev.gyre.kernels.vector.LightningAttention;
import dev.gyre.kernels.vector.Linears;
import dev.gyre.kernels.vector.Scratch;
import dev.gyre.kernels.vector.SplitProducts;
import java.lang.foreign.MemorySegment;

/**
 * oneDNN on host memory; calls return when their work is done. Each kernel thread has a oneDNN of
 * its own that never enters a parallel region: OpenMP starts no thread and nothing spins.
 */
final class OneDnnBackend implements Backend {
  private final OneDnn[] libraries;
  private final OneDnnProducts[] products;
  private final FlashAttention flash;
  private final Scratch scratch = new Scratch();
  private final Backend rest;
  private final OneDnnKernels kernels;
  private boolean closed;

  /**
   * @param libraries one for each thread, closed with this
   * @param packs whether BF16 weights are packed for products of many rows
   * @param rest computes all that is not a product of matrices, on host memory and the same
   *     threads; closed with this
   */
  OneDnnBackend(KernelThreads threads, OneDnn[] libraries, boolean packs, Backend rest) {
    this.libraries = libraries;
    this.rest = rest;
    products = new OneDnnProducts[libraries.length];
    for (int i = 0; i < products.length; i++) {
      products[i] = new OneDnnProducts(new Gemm(libraries[i]), packs);
    }
    flash = new FlashAttention(threads, products);
    Linears linears = new Linears(new SplitProducts(threads, products));
    LightningAttention lightning = new LightningAttention(scratch::reserve, products[0]);
    kernels = new OneDnnKernels(linears, flash, lightning, rest.kernels());
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
    if (closed) {
      return;
    }
    closed = true;
    rest.close();
    flash.close();
    scratch.close();
    for (int i = 0; i < products.length; i++) {
      products[i].close();
      libraries[i].close();
    }
  }
}
