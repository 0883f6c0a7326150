package dev.gyre.kernels.vector;

import dev.gyre.kernels.KernelChecks;
import dev.gyre.kernels.Tensor;

/**
 * {@link dev.gyre.kernels.Kernels#combineRowsBackward}. No two tokens share a slot, so tokens are
 * independent.
 */
final class CombineBackwardRows extends RowKernel {
  private Tensor dOut = NONE;
  private Tensor rows = NONE;
  private Tensor slots = NONE;
  private Tensor weights = NONE;
  private Tensor dRows = NONE;
  private Tensor dWeights = NONE;

  CombineBackwardRows(RowThreads threads) {
    super(threads);
  }

  void run(Tensor dOut, Tensor rows, Tensor slots, Tensor weights, Tensor dRows, Tensor dWeights) {
    this.dOut = dOut;
    this.rows = rows;
    this.slots = slots;
    this.weights = weights;
    this.dRows = dRows;
    this.dWeights = dWeights;
    over(dOut.dim(0), 1, dOut);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor dOut = this.dOut;
    Tensor rows = this.rows;
    Tensor slots = this.slots;
    Tensor weights = this.weights;
    Tensor dRows = this.dRows;
    Tensor dWeights = this.dWeights;
    int width = Math.toIntExact(rows.dim(1));
    int k = Math.toIntExact(slots.dim(1));
    long rowBytes = Scratch.bytes(width);
    long lanes = scratch.reserve(3 * rowBytes + Scratch.bytes(Simd.LANES));
    long gradient = lanes + Scratch.bytes(Simd.LANES);
    long row = gradient + rowBytes;
    long dRow = row + rowBytes;
    for (long t = first; t < end; t++) {
      long d = F32View.read(dOut, t * width, width, gradient);
      for (long j = t * k; j < (t + 1) * k; j++) {
        int slot = Simd.index(slots, j);
        KernelChecks.index("slots", j, slot, rows.dim(0));
        float dot = 0;
        if (slot >= 0) {
          long at = (long) slot * width;
          float weight = Simd.get(weights.address() + 4 * j);
          VectorMove.scale(weight, d, F32View.target(dRows, at, dRow), width);
          F32View.written(dRows, at, width, dRow);
          dot = VectorMove.dot(d, F32View.read(rows, at, width, row), width, lanes);
        }
        Simd.set(dWeights.address() + 4 * j, dot);
      }
    }
  }
}
