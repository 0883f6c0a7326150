package dev.gyre.kernels.vector;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;

/**
 * A kernel that goes row by row: its operands, set anew for each call so that nothing is allocated,
 * and what it does to some of the rows. A subclass's {@code run} sets them and calls {@link #over}.
 * Shapes are checked before.
 *
 * <p>Rows are independent of each other, so their bits do not depend on the threads.
 */
abstract class RowKernel implements KernelThreads.Work {
  /** Stands where there was no call yet. */
  static final Tensor NONE = new Tensor(0, DType.F32, 0);

  /** Parts for each thread, so that one that was late finds less to do. */
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
   * Rows {@code [first, end)} of the call. Tensors are taken into local variables first: fields
   * would be read again after every store, which costs up to a tenth.
   *
   * @param scratch the thread's own
   */
  abstract void rows(long first, long end, Scratch scratch);

  /**
   * All rows, on several threads if the call is worth it, in parts that begin at multiples of
   * {@code grain}.
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
