package dev.gyre.kernels.vector;

import dev.gyre.kernels.KernelChecks;
import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#combineRows}. */
final class CombineRows extends RowKernel {
  private Tensor rows = NONE;
  private Tensor slots = NONE;
  private Tensor weights = NONE;
  private Tensor out = NONE;

  CombineRows(RowThreads threads) {
    super(threads);
  }

  void run(Tensor rows, Tensor slots, Tensor weights, Tensor out) {
    this.rows = rows;
    this.slots = slots;
    this.weights = weights;
    this.out = out;
    over(out.dim(0), 1, out);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor rows = this.rows;
    Tensor slots = this.slots;
    Tensor weights = this.weights;
    Tensor out = this.out;
    int width = Math.toIntExact(rows.dim(1));
    int k = Math.toIntExact(slots.dim(1));
    long rowBytes = Scratch.bytes(width);
    long row = scratch.reserve(2 * rowBytes);
    long sum = row + rowBytes;
    for (long t = first; t < end; t++) {
      long to = F32View.read(out, t * width, width, sum);
      for (long j = t * k; j < (t + 1) * k; j++) {
        int slot = Simd.index(slots, j);
        KernelChecks.index("slots", j, slot, rows.dim(0));
        if (slot >= 0) {
          long from = F32View.read(rows, (long) slot * width, width, row);
          VectorMove.addScaled(Simd.get(weights.address() + 4 * j), from, to, width);
        }
      }
      F32View.written(out, t * width, width, sum);
    }
  }
}
