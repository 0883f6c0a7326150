package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/** The kernel threads, each with its own scratch memory, for kernels over rows. */
final class RowThreads implements AutoCloseable {
  /**
   * For smaller tensors, waking a thread costs more than it saves: half a megabyte takes about 30
   * µs.
   */
  private static final long LEAST_BYTES = 512 << 10;

  private final KernelThreads threads;
  private final Scratch[] scratches;

  /**
   * @param threads closed by the caller
   */
  RowThreads(KernelThreads threads) {
    this.threads = threads;
    scratches = new Scratch[threads.count()];
    for (int i = 0; i < scratches.length; i++) {
      scratches[i] = new Scratch();
    }
  }

  int count() {
    return threads.count();
  }

  /** Whether a call is large enough for several threads. */
  boolean split(Tensor largest) {
    return threads.count() > 1 && largest.byteSize() >= LEAST_BYTES;
  }

  /** Scratch memory of a thread; 0 is the caller. */
  Scratch scratch(int worker) {
    return scratches[worker];
  }

  /** {@link KernelThreads#run}. */
  void run(int units, KernelThreads.Work work) {
    threads.run(units, work);
  }

  @Override
  public void close() {
    for (Scratch each : scratches) {
      each.close();
    }
  }
}
