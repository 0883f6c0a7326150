package dev.gyre.kernels.vector;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.Kernels;
import java.lang.foreign.MemorySegment;

/** Host memory, the kernel threads, and scratch that lives as long as the backend. */
final class VectorBackend implements Backend {
  private final KernelThreads threads;
  private final Scratch scratch = new Scratch();
  private final Scratch[] scratches;
  private final FlashAttention flash;
  private final Kernels kernels;
  private boolean closed;

  /**
   * @param threads closed with this
   */
  VectorBackend(KernelThreads threads) {
    this.threads = threads;
    scratches = new Scratch[threads.count()];
    Products[] products = new Products[threads.count()];
    for (int i = 0; i < products.length; i++) {
      scratches[i] = new Scratch();
      products[i] = new Gemm(scratches[i]);
    }
    flash = new FlashAttention(threads, products);
    kernels =
        new VectorKernels(
            scratch,
            new Linears(new SplitProducts(threads, products)),
            flash,
            new LightningAttention(scratch::reserve, products[0]));
  }

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
    if (closed) {
      return;
    }
    closed = true;
    threads.close();
    flash.close();
    for (Scratch each : scratches) {
      each.close();
    }
    scratch.close();
  }
}
