package dev.gyre.kernels.vector;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;

/**
 * A kernel over independent rows. A subclass's {@code run} stores the operands in fields, so that
 * nothing is allocated per call, and calls {@link #over}; {@link #rows} computes a range of rows.
 * Callers have checked the shapes.
 *
 * <p>As rows are independent, the bits of the results do not depend on the number of threads.
 */
abstract class RowKernel implements KernelThreads.Work {
  /** Placeholder before the first call. */
  static final Tensor NONE = new Tensor(0, DType.F32, 0);

  /** Parts per thread, so that a delayed thread gets fewer of them. */
  private static final int PARTS = 4;

  private final RowThreads threads;
  private long rows;
  private long grain;
  private long units;
  private int parts;

  RowKernel(RowThreads threads) {
    this.threads = threads;
  }

  /**
   * Rows {@code [first, end)} of the call. Implementations copy fields to local variables first:
   * the JIT would reload fields after every store, which costs up to 10 %.
   *
   * @param scratch the thread's own
   */
  abstract void rows(long first, long end, Scratch scratch);

  /**
   * Computes all rows, on several threads if the call is large enough, in parts that begin at
   * multiples of {@code grain}.
   *
   * @param largest of the call's tensors
   */
  final void over(long rows, long grain, Tensor largest) {
    if (!threads.split(largest)) {
      rows(0, rows, threads.scratch(0));
      return;
    }
    this.rows = rows;
    this.grain = grain;
    units = (rows + grain - 1) / grain;
    parts = (int) Math.min(units, (long) PARTS * threads.count());
    threads.run(parts, this);
  }

  @Override
  public final void run(int part, int worker) {
    long first = units * part / parts * grain;
    long end = Math.min(rows, units * (part + 1) / parts * grain);
    rows(first, end, threads.scratch(worker));
  }
}
