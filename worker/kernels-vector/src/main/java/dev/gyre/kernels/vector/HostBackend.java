package dev.gyre.kernels.vector;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.CheckedKernels;
import dev.gyre.kernels.Kernels;

/**
 * All kernels on host memory over given {@link Products}: attention in blocks over them, rows by
 * SIMD loops. Calls are synchronous.
 */
public final class HostBackend implements Backend {
  private final String name;
  private final KernelThreads threads;
  private final Products[] products;
  private final Scratch scratch = new Scratch();
  private final RowThreads rowThreads;
  private final FlashAttention flash;
  private final Kernels kernels;
  private boolean closed;

  /**
   * @param name the provider's
   * @param threads closed with this
   * @param products one for each thread, closed with this
   */
  public HostBackend(String name, KernelThreads threads, Products... products) {
    if (products.length != threads.count()) {
      throw new IllegalArgumentException(
          "%d products for %d threads".formatted(products.length, threads.count()));
    }
    this.name = name;
    this.threads = threads;
    this.products = products;
    rowThreads = new RowThreads(threads);
    flash = new FlashAttention(threads, products);
    kernels =
        new CheckedKernels(
            new HostMovement(rowThreads, scratch),
            new LinearProducts(new SplitProducts(threads, products)),
            new HostTokenwise(rowThreads, scratch),
            new HostAttention(flash, rowThreads, scratch),
            new LightningAttention(scratch::reserve, products[0]),
            new HostRouter(rowThreads),
            new HostLoss(rowThreads));
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Kernels kernels() {
    return kernels;
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    threads.close();
    rowThreads.close();
    flash.close();
    for (Products each : products) {
      each.close();
    }
    scratch.close();
  }
}
