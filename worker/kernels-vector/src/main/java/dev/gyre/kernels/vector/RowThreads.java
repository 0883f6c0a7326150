package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/**
 * Rows over the kernel threads, each with memory of its own. Rows are independent of each other, so
 * their bits do not depend on the cut.
 */
final class RowThreads implements AutoCloseable {
  /** Below, waking a thread costs more than its share: half a megabyte takes some 30 µs. */
  private static final long LEAST_BYTES = 512 << 10;

  /** Parts for each thread, so that one that was late finds less to do. */
  private static final int PARTS = 4;

  /** A kernel over some of its rows. */
  interface Rows {
    void run(long from, long to, Scratch scratch);
  }

  private final KernelThreads threads;
  private final Scratch[] scratches;

  /**
   * @param threads stay the caller's to close
   */
  RowThreads(KernelThreads threads) {
    this.threads = threads;
    scratches = new Scratch[threads.count()];
    for (int i = 0; i < scratches.length; i++) {
      scratches[i] = new Scratch();
    }
  }

  /** Whether a call is worth several threads. */
  boolean split(Tensor largest) {
    return threads.count() > 1 && largest.byteSize() >= LEAST_BYTES;
  }

  /** The caller's, for a call that is not split. */
  Scratch scratch() {
    return scratches[0];
  }

  /** All of the rows, in parts that begin at multiples of {@code grain}. */
  void run(long rows, long grain, Rows work) {
    long units = (rows + grain - 1) / grain;
    int parts = (int) Math.min(units, (long) PARTS * threads.count());
    threads.run(
        parts,
        (part, worker) ->
            work.run(
                units * part / parts * grain,
                Math.min(rows, units * (part + 1) / parts * grain),
                scratches[worker]));
  }

  @Override
  public void close() {
    for (Scratch each : scratches) {
      each.close();
    }
  }
}
